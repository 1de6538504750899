//! What receivers say over HTTP, in protobuf or in JSON.

use prost::Message as _;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;

use super::{ANSWER_MAX_BYTES, Request, Taken, shown};

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// Its media type.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    /// How the answer to a request in `asked` is encoded: alike, if it does not say something else.
    pub(super) fn of(response: &Response, asked: Self) -> Self {
        let said = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let said = said.unwrap_or_default();
        [Self::Protobuf, Self::Json]
            .into_iter()
            .find(|known| said.starts_with(known.media_type()))
            .unwrap_or(asked)
    }

    /// What is said of a request that was taken. What cannot be read says nothing against it.
    pub(super) fn taken<R: Request>(self, body: &[u8]) -> Taken {
        match self {
            Self::Protobuf => R::Response::decode(body).map(Into::into).unwrap_or_default(),
            Self::Json => {
                let Success { partial } = serde_json::from_slice(body).unwrap_or_default();
                let partial = partial.unwrap_or_default();
                Taken::new(partial.rejected.map_or(0, Number::value), &partial.message.unwrap_or_default())
            }
        }
    }

    /// The message of a request that was not ("Failures": the body is a `google.rpc.Status`).
    pub(super) fn message(self, body: &[u8]) -> String {
        let message = match self {
            Self::Protobuf => {
                tonic_types::Status::decode(body).map(|status| status.message).unwrap_or_default()
            }
            Self::Json => serde_json::from_slice::<Failed>(body).unwrap_or_default().message,
        };
        shown(&message)
    }
}

/// `ExportTraceServiceResponse` and those of other signals.
#[derive(Default, Deserialize)]
struct Success {
    #[serde(rename = "partialSuccess", default)]
    partial: Option<Partial>,
}

#[derive(Default, Deserialize)]
struct Partial {
    #[serde(rename = "rejectedSpans", alias = "rejectedDataPoints", alias = "rejectedLogRecords", default)]
    rejected: Option<Number>,
    #[serde(rename = "errorMessage", default)]
    message: Option<String>,
}

#[derive(Default, Deserialize)]
struct Failed {
    #[serde(default)]
    message: String,
}

/// A 64-bit integer, which JSON has as text; senders of numbers are to be understood, too.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(i64),
    Text(String),
}

impl Number {
    fn value(self) -> i64 {
        match self {
            Self::Number(number) => number,
            Self::Text(text) => text.parse().unwrap_or(0),
        }
    }
}

/// The body, if it is whole and not too long.
pub(super) async fn body(mut response: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.ok()? {
        body.extend_from_slice(&piece);
        if body.len() > ANSWER_MAX_BYTES {
            return None;
        }
    }
    Some(body)
}
