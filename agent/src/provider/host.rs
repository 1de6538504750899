//! Hosts to `gen_ai.provider.name`. The name says which vendor's flavour was spoken, as best known.

/// One row: requests to a host, and perhaps only to paths below a prefix, belong to a provider.
struct Row {
    /// A host name in lower case; at most one `*` stands for any text, the empty one included.
    host: &'static str,
    /// What the path begins with; empty for any.
    path: &'static str,
    /// `gen_ai.provider.name`.
    provider: &'static str,
}

const fn row(host: &'static str, provider: &'static str) -> Row {
    Row { host, path: "", provider }
}

/// Names outside the semantic conventions' list are the spellings that OpenInference uses, or the
/// vendor's own in lower case.
#[rustfmt::skip]
static ROWS: &[Row] = &[
    row("api.openai.com", "openai"),
    row("*.api.openai.com", "openai"),
    row("*.openai.azure.com", "azure.ai.openai"),
    row("*.cognitiveservices.azure.com", "azure.ai.openai"),
    Row { host: "*.services.ai.azure.com", path: "/openai/", provider: "azure.ai.openai" },
    Row { host: "*.services.ai.azure.com", path: "/models/", provider: "azure.ai.inference" },
    row("generativelanguage.googleapis.com", "gcp.gemini"),
    row("aiplatform.googleapis.com", "gcp.vertex_ai"),
    row("*-aiplatform.googleapis.com", "gcp.vertex_ai"),
    row("aiplatform.*.rep.googleapis.com", "gcp.vertex_ai"),
    row("bedrock-*.amazonaws.com", "aws.bedrock"),
    row("bedrock-*.amazonaws.com.cn", "aws.bedrock"),
    row("bedrock-*.api.aws", "aws.bedrock"),
    row("api.anthropic.com", "anthropic"),
    row("api.mistral.ai", "mistral_ai"),
    row("api.*.mistral.ai", "mistral_ai"),
    row("codestral.mistral.ai", "mistral_ai"),
    row("api.groq.com", "groq"),
    row("api.together.ai", "together"),
    row("api.together.xyz", "together"),
    row("api.fireworks.ai", "fireworks"),
    row("api.deepseek.com", "deepseek"),
    row("api.x.ai", "x_ai"),
    row("*.api.x.ai", "x_ai"),
    row("api.perplexity.ai", "perplexity"),
    row("openrouter.ai", "openrouter"),
    row("api.cerebras.ai", "cerebras"),
    row("api.moonshot.ai", "moonshot_ai"),
    row("api.moonshot.cn", "moonshot_ai"),
    row("api.cohere.com", "cohere"),
    row("api.cohere.ai", "cohere"),
    row("api.voyageai.com", "voyageai"),
    row("api.jina.ai", "jina"),
    row("*.pinecone.io", "pinecone"),
    row("*.cloud.qdrant.io", "qdrant"),
    row("api.trychroma.com", "chroma"),
    row("*.weaviate.cloud", "weaviate"),
    row("*.weaviate.network", "weaviate"),
    row("*.zillizcloud.com", "milvus"),
    row("*.cloud.zilliz.com", "milvus"),
    row("*.turbopuffer.com", "turbopuffer"),
    row("*.ml.cloud.ibm.com", "ibm.watsonx.ai"),
    row("api.deepinfra.com", "deepinfra"),
    row("dashscope.aliyuncs.com", "dashscope"),
    row("dashscope-*.aliyuncs.com", "dashscope"),
    row("api.z.ai", "z_ai"),
    row("api.minimax.io", "minimax"),
    row("integrate.api.nvidia.com", "nvidia"),
    row("api.sambanova.ai", "sambanova"),
    row("router.huggingface.co", "huggingface"),
    row("api-inference.huggingface.co", "huggingface"),
    row("*.endpoints.huggingface.cloud", "huggingface"),
    row("ollama.com", "ollama"),
];

/// `gen_ai.provider.name` of a host, in lower case, and a path; `None` where the host is in no row.
pub(super) fn provider(host: Option<&str>, path: &str) -> Option<&'static str> {
    // A fully qualified name may end in the root's dot.
    let host = host?;
    let host = host.strip_suffix('.').unwrap_or(host);
    let row = ROWS.iter().find(|row| host_matches(row.host, host) && path.starts_with(row.path));
    row.map(|row| row.provider)
}

/// All that hosts belong to.
#[cfg(test)]
pub(super) fn providers() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.provider)
}

/// Whether any row has the host.
pub(super) fn is_known(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    ROWS.iter().any(|row| host_matches(row.host, host))
}

fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == host,
        Some((begin, end)) => {
            host.len() >= begin.len() + end.len() && host.starts_with(begin) && host.ends_with(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ROWS, Row, host_matches, provider};

    #[test]
    fn hosts_name_their_providers() {
        for (host, path, expected) in [
            (Some("api.openai.com"), "/v1/chat/completions", "openai"),
            (Some("api.openai.com."), "/v1/chat/completions", "openai"),
            (Some("eu.api.openai.com"), "/v1/chat/completions", "openai"),
            (Some("api.openai.com.evil.example"), "/v1/chat/completions", "nobody"),
            (Some("acme.openai.azure.com"), "/openai/v1/chat/completions", "azure.ai.openai"),
            (Some("acme.services.ai.azure.com"), "/models/chat/completions", "azure.ai.inference"),
            (Some("acme.services.ai.azure.com"), "/openai/v1/chat/completions", "azure.ai.openai"),
            (Some("europe-west4-aiplatform.googleapis.com"), "/v1/chat/completions", "gcp.vertex_ai"),
            (Some("bedrock-runtime.eu-west-1.amazonaws.com"), "/openai/v1/chat/completions", "aws.bedrock"),
            (Some("api.groq.com"), "/openai/v1/chat/completions", "groq"),
            (Some("notapi.groq.com"), "/openai/v1/chat/completions", "nobody"),
            (Some("api.mistral.ai"), "/v1/chat/completions", "mistral_ai"),
            (Some("api.eu.mistral.ai"), "/v1/chat/completions", "mistral_ai"),
            (Some("api.perplexity.ai"), "/chat/completions", "perplexity"),
            (Some("openrouter.ai"), "/api/v1/chat/completions", "openrouter"),
            (Some("localhost"), "/v1/chat/completions", "nobody"),
            (Some("10.0.0.7"), "/v1/chat/completions", "nobody"),
            (None, "/v1/chat/completions", "nobody"),
        ] {
            assert_eq!(provider(host, path).unwrap_or("nobody"), expected, "{host:?} {path}");
        }
    }

    /// Two patterns with at most one star each share a host exactly if their fixed beginnings agree
    /// and their fixed ends agree; one without a star must match the other.
    fn overlap(one: &Row, two: &Row) -> bool {
        let agree = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
        let agree_at_end = |a: &str, b: &str| a.ends_with(b) || b.ends_with(a);
        let hosts = match (one.host.split_once('*'), two.host.split_once('*')) {
            (None, _) => host_matches(two.host, one.host),
            (_, None) => host_matches(one.host, two.host),
            (Some((begin, end)), Some((other_begin, other_end))) => {
                agree(begin, other_begin) && agree_at_end(end, other_end)
            }
        };
        hosts && agree(one.path, two.path)
    }

    #[test]
    fn no_two_rows_overlap() {
        for (at, one) in ROWS.iter().enumerate() {
            for two in ROWS.iter().skip(at + 1) {
                assert!(!overlap(one, two), "{} and {}", one.host, two.host);
            }
        }
    }
}
