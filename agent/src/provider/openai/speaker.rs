//! Who answered, where the host is nobody's that is known: by what only that server's answers have.

use super::{ATTRIBUTES, OPENAI};
use crate::call::Call;
use crate::provider::Recognised;
use crate::provider::follow::End;
use crate::provider::json::Json;

/// Where an answer gives its server away.
pub(super) const SIGNS: &[(&str, usize)] = &[
    ("x_groq", 0),
    ("prompt_filter_results", 0),
    ("choices[].content_filter_results", 0),
    ("timings", 0),
    ("prompt_logprobs", 0),
    ("kv_transfer_params", 0),
    ("choices[].matched_stop", 0),
    ("stats", 0),
    ("time_info", 0),
    ("search_results", 0),
    ("usage.cost_details", 0),
    ("usage.is_byok", 0),
];

/// Who answers, so far as it is known.
#[derive(Default)]
pub(super) struct Speaker {
    /// The host or the endpoint said so: nothing else matters.
    pub(super) is_named: bool,
    found: Option<&'static str>,
}

impl Speaker {
    pub(super) fn of(recognised: &Recognised<'_>) -> Self {
        Self { is_named: recognised.named, found: None }
    }

    /// Looks at an answer, or at one event of it; the first sign holds.
    pub(super) fn look(&mut self, said: &Json) {
        if !self.is_named && self.found.is_none() {
            self.found =
                by_members(said).or_else(|| by_fingerprint(said.get("system_fingerprint").as_text()?));
        }
    }

    /// Names the provider that was found out; what only OpenAI's spans carry goes with its name.
    pub(super) fn finish(self, end: &End<'_>, call: &mut Call) {
        if self.is_named {
            return;
        }
        let server = end.response_field("server").unwrap_or_default();
        let gateway = ["x-litellm-call-id", "x-litellm-response-cost"];
        let found = match () {
            // A gateway hands on what its upstream says; spoken was the format.
            () if gateway.iter().any(|name| end.response_field(name).is_some()) => None,
            () if server.eq_ignore_ascii_case("llama.cpp") => Some("llama_cpp"),
            () => self.found,
        };
        if let Some(found) = found.filter(|found| *found != call.provider) {
            call.provider = found;
            call.extra.retain(|(name, _)| found == OPENAI || !ATTRIBUTES.contains(name));
        }
    }
}

fn by_members(said: &Json) -> Option<&'static str> {
    let in_choices = |name: &str| said.get("choices").items().iter().any(|choice| choice.has(name));
    Some(match () {
        () if said.has("x_groq") => "groq",
        () if said.has("prompt_filter_results") || in_choices("content_filter_results") => super::AZURE,
        () if said.get("timings").is_object() => "llama_cpp",
        () if in_choices("matched_stop") => "sglang",
        () if said.has("prompt_logprobs") || said.has("kv_transfer_params") => "vllm",
        () if said.get("stats").is_object() => "lm_studio",
        () if said.get("time_info").is_object() => "cerebras",
        () if said.has("search_results") => "perplexity",
        () if said.get("usage").has("cost_details") || said.get("usage").has("is_byok") => "openrouter",
        () => return None,
    })
}

/// OpenAI's own look like `fp_44709d6fcb`, and so do many others'.
fn by_fingerprint(fingerprint: &str) -> Option<&'static str> {
    let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match fingerprint {
        "fp_ollama" => Some("ollama"),
        _ if fingerprint.starts_with("vllm-") => Some("vllm"),
        // `3.3.4-sha-4d28897`, perhaps with a suffix.
        _ if fingerprint.contains("-sha-") => Some("huggingface"),
        // `b6123-79c1160b`: a build's number and commit.
        _ => {
            let (build, commit) = fingerprint.strip_prefix('b')?.split_once('-')?;
            let is_number = !build.is_empty() && build.bytes().all(|byte| byte.is_ascii_digit());
            (is_number && is_hex(commit)).then_some("llama_cpp")
        }
    }
}
