//! Documents that a model reads: counted in pages.

use std::sync::LazyLock;

use super::{ERRORS, PROVIDER};
use crate::call::{Call, Inference, Media, Parameters, Subject};
use crate::protocol::http1::RequestHead;
use crate::provider::content::{self, Convert};
use crate::provider::evidence::Evidence;
use crate::provider::follow::{End, Follow, JsonApi, NAME, WORD};
use crate::provider::json::{Json, Shape};
use crate::provider::media::URL;
use crate::provider::openai::parts;
use crate::provider::{Dialect, Endpoint};
use crate::value::Value;

/// Pages that were read, which are what is paid for.
const PAGES: &str = "spanwire.usage.input_pages";

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[],
    claims,
    provider: PROVIDER,
    signs: &[("document.type", 0)],
    attributes: &[PAGES],
    follow: |recognised, limits| {
        let operation = Inference::GenerateContent;
        let subject = Subject::Inference { operation, finish_reasons: Vec::new() };
        let evidence = Evidence::of(&recognised, PROVIDER, false);
        Follow::begin(Ocr { evidence, pages: None }, Call::new(subject, recognised.provider), limits)
    },
};

fn claims(request: &RequestHead, body: &Json) -> bool {
    Endpoint::post("v1/ocr").matches(request) && body.get("document").is_object()
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("model", NAME),
        ("document.document_url", URL),
        ("document.image_url", URL),
        ("document.image_url.url", URL),
        ("document.file_id", 0),
        ("document_annotation_format.type", WORD),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    let own = [("model", NAME), ("pages", 0), ("usage_info.pages_processed", 0)];
    Shape::new(&[&own[..], ERRORS].concat())
});

/// One document being read.
struct Ocr {
    evidence: Evidence,
    pages: Option<i64>,
}

impl JsonApi for Ocr {
    const COUNTS: bool = false;
    const CONTENT: Option<Convert> = Some(content::ocr);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.request_model = asked.get("model").text();
        let format = asked.get("document_annotation_format.type").as_text();
        let output_type = format.filter(|format| *format == "json_schema").map(|_| "json");
        call.parameters = Parameters { output_type, ..Parameters::default() };
        let document = asked.get("document");
        let file = document.has("file_id");
        let pointed_at = file.then_some(Media { modality: "document", media_type: None, bytes: None });
        parts::of_part(document).or(pointed_at).into_iter().for_each(|media| call.add_media(media));
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        call.response_model = said.get("model").text();
        self.evidence.found |= said.get("pages").is_list() && said.has("usage_info");
        self.pages = said.get("usage_info.pages_processed").integer();
        super::take_error(said, call);
    }

    fn is_one(&self, end: &End<'_>, call: &Call) -> bool {
        self.evidence.suffices(end, call)
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        match self.pages {
            Some(pages) => call.extra.push((PAGES, Value::Int(pages))),
            None if end.answered && self.evidence.found => call.note("response carried no usage"),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::tests::wire::Wire;

    #[test]
    fn pages_are_counted() {
        let request = r#"{"model":"mistral-ocr-latest","document":{"type":"document_url","document_url":"data:application/pdf;base64,AAAA"},
            "document_annotation_format":{"type":"json_schema"}}"#;
        let read = r#"{"pages":[{"index":0,"markdown":"bob"}],"model":"mistral-ocr-2505","usage_info":{"pages_processed":1,"doc_size_bytes":3}}"#;
        let uncounted = r#"{"pages":[],"model":"m","usage_info":null}"#;
        let refused = r#"{"object":"error","message":"bob","type":"invalid_request_file","code":"3310"}"#;
        for (host, status, body, pages, code, notes) in [
            ("api.mistral.ai", 200, read, Some(1), None, &[][..]),
            ("gateway", 200, read, Some(1), None, &[]),
            ("api.mistral.ai", 200, uncounted, None, None, &["response carried no usage"]),
            ("api.mistral.ai", 400, refused, None, Some("3310"), &[]),
            ("api.mistral.ai", 422, r#"{"detail":[{"msg":"bob"}]}"#, None, None, &[]),
        ] {
            let pieces = [body.as_bytes()];
            let call =
                Wire { host, target: "/v1/ocr", request, status, pieces: &pieces, ..Wire::default() }.play();
            assert_eq!((call.provider, call.subject.operation()), ("mistral_ai", Some("generate_content")));
            let expected: Vec<_> = pages.map(|pages| (PAGES, Value::Int(pages))).into_iter().collect();
            assert_eq!((&call.extra, call.error_code.as_deref()), (&expected, code), "{body}");
            assert_eq!(call.notes, notes, "{body}");
            assert_eq!(call.media.first().and_then(|media| media.bytes), Some(3));
            assert_eq!(call.parameters.output_type, Some("json"));
            assert!(!format!("{call:?}").contains("bob"), "{call:?}");
        }
        let pieces = [&br#"{"text":"bob"}"#[..]];
        let app = Wire { host: "app", target: "/v1/ocr", request, pieces: &pieces, ..Wire::default() };
        assert_eq!(app.calls(), []);
    }
}
