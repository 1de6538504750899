#![allow(clippy::panic, reason = "tests")]

use crate::call::Subject;
use crate::provider::tests::scene::{Scene, play_as};

#[test]
fn vendors_differ_in_names_alone() {
    const ARN: &str = "arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0";
    let bedrock = format!(
        r#"{{"queries":[{{}}],"sources":[{{}},{{}}],"rerankingConfiguration":{{"type":"BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration":{{"numberOfResults":1,"modelConfiguration":{{"modelArn":"{ARN}"}}}}}}}}"#
    );
    for (host, path, request, body, provider, model, counts, best, input, units) in [
        (
            "api.cohere.com",
            "/v2/rerank",
            r#"{"model":"rerank-v3.5","query":"q","documents":["a","b"],"top_n":1}"#,
            r#"{"results":[{"index":1,"relevance_score":0.5}],"meta":{"billed_units":{"search_units":1}}}"#,
            "cohere",
            Some("rerank-v3.5"),
            (Some(1), Some(2), Some(1)),
            Some(0.5),
            None,
            Some(1),
        ),
        (
            "gateway",
            "/rerank",
            r#"{"model":"m","query":"q","documents":[{"text":"a"}]}"#,
            r#"{"results":[]}"#,
            "cohere",
            Some("m"),
            (None, Some(1), Some(0)),
            None,
            None,
            None,
        ),
        (
            "tei",
            "/rerank",
            r#"{"query":"q","texts":["a","b"]}"#,
            r#"[{"index":1,"score":0.25},{"index":0,"score":0.75}]"#,
            "huggingface",
            None,
            (None, Some(2), Some(2)),
            Some(0.75),
            None,
            None,
        ),
        (
            "api.voyageai.com",
            "/v1/rerank",
            r#"{"model":"m","query":"q","documents":["a"],"top_k":1}"#,
            r#"{"object":"list","data":[{"relevance_score":0.5,"index":0}],"model":"m","usage":{"total_tokens":26}}"#,
            "voyageai",
            Some("m"),
            (Some(1), Some(1), Some(1)),
            Some(0.5),
            Some(26),
            None,
        ),
        (
            "api.pinecone.io",
            "/rerank",
            r#"{"model":"m","query":"q","documents":[{}],"top_n":1}"#,
            r#"{"model":"m","data":[{"index":0,"score":0.5}],"usage":{"rerank_units":1}}"#,
            "pinecone",
            Some("m"),
            (Some(1), Some(1), Some(1)),
            Some(0.5),
            None,
            Some(1),
        ),
        (
            "bedrock",
            "/rerank",
            &bedrock,
            r#"{"results":[{"index":0,"relevanceScore":0.5}]}"#,
            "aws.bedrock",
            Some("amazon.rerank-v1:0"),
            (Some(1), Some(2), Some(1)),
            Some(0.5),
            None,
            None,
        ),
        (
            "nim",
            "/v1/ranking",
            r#"{"model":"m","query":{"text":"q"},"passages":[{"text":"a"}]}"#,
            r#"{"rankings":[{"index":0,"logit":-3.5}]}"#,
            "nvidia",
            Some("m"),
            (None, Some(1), Some(1)),
            Some(-3.5),
            None,
            None,
        ),
        (
            "gateway",
            "/rerank",
            r#"{"query":"q","documents":["a"],"top_n":null}"#,
            "<html>",
            "cohere",
            None,
            (None, Some(1), None),
            None,
            None,
            None,
        ),
    ] {
        let scene =
            Scene { host, path, request: request.as_bytes(), body: body.as_bytes(), ..Scene::default() };
        let call = play_as("POST", &scene);
        let Subject::Rerank(ranking) = call.subject else { panic!("{host} {request}") };
        assert_eq!((call.provider, call.request_model.as_deref()), (provider, model), "{host}");
        assert_eq!((ranking.top_k, ranking.documents, ranking.results), counts, "{host}");
        assert_eq!(
            (ranking.best_score, call.usage.input, ranking.search_units),
            (best, input, units),
            "{host}"
        );
        assert_eq!(call.notes.is_empty(), body != "<html>", "{:?}", call.notes);
    }
}
