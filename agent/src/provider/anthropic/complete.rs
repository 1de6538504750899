//! What was there before messages: a prompt in, its continuation out, without counts.

use std::sync::LazyLock;

use super::{ANTHROPIC, Messages, STOP_REASON, VERSION};
use crate::call::{Call, Inference, Subject};
use crate::protocol::http1::RequestHead;
use crate::provider::content::{self, Convert};
use crate::provider::follow::{End, Follow, JsonApi, NAME};
use crate::provider::json::{Json, Shape};
use crate::provider::{Dialect, Endpoint};

const COMPLETE: Endpoint = Endpoint::post("v1/complete");

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[Endpoint { headers: &[VERSION], ..COMPLETE }],
    claims,
    provider: ANTHROPIC,
    signs: &[("prompt", 0), ("max_tokens_to_sample", 0)],
    attributes: &[STOP_REASON],
    follow: |recognised, limits| {
        let operation = Inference::TextCompletion;
        let subject = Subject::Inference { operation, finish_reasons: Vec::new() };
        Follow::begin(Complete(Messages::default()), Call::new(subject, recognised.provider), limits)
    },
};

fn claims(request: &RequestHead, body: &Json) -> bool {
    COMPLETE.matches(request) && body.has("prompt") && body.has("max_tokens_to_sample")
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("model", NAME),
        ("temperature", 0),
        ("top_p", 0),
        ("top_k", 0),
        ("max_tokens_to_sample", 0),
        ("stop_sequences[]", NAME),
        ("stream", 0),
    ])
});

/// One completion being followed: an answer is a message as far as anything is told of it.
struct Complete(Messages);

impl JsonApi for Complete {
    const CONTENT: Option<Convert> = Some(content::anthropic::complete);
    const COUNTS: bool = false;

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        self.0.response_shape()
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        self.0.request(asked, call);
        call.parameters.max_tokens = asked.get("max_tokens_to_sample").count();
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        self.0.response(event, said, call);
        // A stream's last piece says why it is the last.
        call.stream_ended |= said.get("stop_reason").as_text().is_some();
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        self.0.finish(end, call);
        if let Subject::Inference { operation, .. } = &mut call.subject {
            *operation = Inference::TextCompletion;
        }
    }
}
