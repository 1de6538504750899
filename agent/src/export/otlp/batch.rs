//! The spans of one request: of many processes, bounded by number and by bytes.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use prost::Message as _;

use super::encode;
use crate::correlate::span::Span;
use crate::discovery::process::Process;
use crate::redact::Redacted;

/// Spans in a full batch.
pub(super) const SPANS_MAX: usize = 512;
/// Bytes of a full batch, encoded: what receivers take by default (4 MiB, of gRPC), less some slack. A span
/// that is larger goes alone.
pub(super) const BYTES_MAX: usize = (4 << 20) - (64 << 10);
/// Tag and length of a message within another, at most: twice where a resource and a scope begin.
const FRAMING_BYTES: usize = 12;

/// The spans of one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Batch {
    request: ExportTraceServiceRequest,
    spans: usize,
}

impl Batch {
    /// How many spans it holds.
    pub(super) fn spans(&self) -> usize {
        self.spans
    }

    /// What is sent.
    pub(super) fn request(&self) -> &ExportTraceServiceRequest {
        &self.request
    }

    /// Cuts it in two, the first no smaller than the second.
    pub(super) fn halves(self) -> (Self, Self) {
        let mut left = self.spans.div_ceil(2);
        let (mut first, mut second) = (Self::default(), Self::default());
        for group in self.request.resource_spans {
            let ResourceSpans { resource, scope_spans, schema_url } = group;
            for scope in scope_spans {
                let ScopeSpans { scope, mut spans, schema_url: scope_url } = scope;
                let rest = spans.split_off(left.min(spans.len()));
                left -= spans.len();
                for (half, spans) in [(&mut first, spans), (&mut second, rest)] {
                    if spans.is_empty() {
                        continue;
                    }
                    half.spans += spans.len();
                    let scope = ScopeSpans { scope: scope.clone(), spans, schema_url: scope_url.clone() };
                    half.request.resource_spans.push(ResourceSpans {
                        resource: resource.clone(),
                        scope_spans: vec![scope],
                        schema_url: schema_url.clone(),
                    });
                }
            }
        }
        (first, second)
    }
}

/// A batch that is being filled.
#[derive(Debug, Default)]
pub(super) struct Filling {
    batch: Batch,
    /// The process of each of the request's resources.
    processes: Vec<Arc<Process>>,
    /// At most so many bytes, encoded.
    bytes: usize,
}

impl Filling {
    /// Adds a span; false, and nothing is added, when the batch would become too large.
    pub(super) fn push(&mut self, redacted: &Redacted<Span>) -> bool {
        let process = &redacted.get().process;
        let known = self.processes.iter().position(|known| Arc::ptr_eq(known, process) || known == process);
        let span = encode::span(redacted);
        let mut bytes = span.encoded_len() + FRAMING_BYTES;
        let new = match known {
            Some(_) => None,
            None => {
                let new = ResourceSpans {
                    resource: Some(encode::resource(process)),
                    scope_spans: vec![ScopeSpans { scope: Some(encode::scope()), ..ScopeSpans::default() }],
                    schema_url: String::new(),
                };
                bytes += new.encoded_len() + 2 * FRAMING_BYTES;
                Some(new)
            }
        };
        if self.batch.spans > 0 && self.bytes + bytes > BYTES_MAX {
            return false;
        }
        let groups = &mut self.batch.request.resource_spans;
        if let Some(new) = new {
            groups.push(new);
            self.processes.push(Arc::clone(process));
        }
        let group = known.unwrap_or(groups.len() - 1);
        if let Some(scope) = groups.get_mut(group).and_then(|group| group.scope_spans.first_mut()) {
            scope.spans.push(span);
            self.batch.spans += 1;
            self.bytes += bytes;
        }
        true
    }

    /// No span more may be added.
    pub(super) fn is_full(&self) -> bool {
        self.batch.spans >= SPANS_MAX
    }

    /// The batch as it is.
    pub(super) fn finish(self) -> Batch {
        self.batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::fixture;
    use crate::redact::Redactor;
    use crate::value::Value;

    /// Process and ids of spans of each resource.
    fn shape(batch: &Batch) -> Vec<Vec<u8>> {
        let ids = |group: &ResourceSpans| {
            let spans = group.scope_spans.iter().flat_map(|scope| &scope.spans);
            spans.filter_map(|span| span.span_id.first().copied()).collect()
        };
        batch.request.resource_spans.iter().map(ids).collect()
    }

    fn batch_of_three() -> Batch {
        let (one, two) = (fixture::process(1, "one"), fixture::process(2, "two"));
        let same_as_one = fixture::process(1, "one");
        let mut filling = Filling::default();
        for (id, process) in [(1, &one), (2, &two), (3, &same_as_one)] {
            assert!(filling.push(&fixture::redacted(id, process)));
        }
        filling.finish()
    }

    #[test]
    fn spans_stand_with_their_process() {
        let batch = batch_of_three();
        assert_eq!(shape(&batch), [vec![1, 3], vec![2]]);
        assert_eq!(batch.spans(), 3);
    }

    #[test]
    fn halves_hold_all_and_each_resource() {
        let (first, second) = batch_of_three().halves();
        assert_eq!((shape(&first), shape(&second)), (vec![vec![1, 3]], vec![vec![2]]));
        assert_eq!((first.spans(), second.spans()), (2, 1));
        let (one, other) = first.halves();
        assert_eq!((shape(&one), shape(&other)), (vec![vec![1]], vec![vec![3]]));
        let resource =
            |batch: &Batch| batch.request.resource_spans.first().map(|group| group.resource.clone());
        assert_eq!(resource(&one), resource(&other));
    }

    #[test]
    fn no_batch_is_larger_than_receivers_take() {
        let process = fixture::process(1, "one");
        let mut large = fixture::span(1, &process);
        let reasons = vec!["x".repeat(1000); 100];
        large.attributes.push(("gen_ai.request.stop_sequences".into(), Value::strings(reasons)));
        let large = Redactor::default().redact(large);
        let mut filling = Filling::default();
        let pushed = (0..SPANS_MAX).take_while(|_| filling.push(&large)).count();
        assert!((30..50).contains(&pushed), "{pushed}");
        let counted = filling.bytes;
        let batch = filling.finish();
        assert_eq!(batch.spans(), pushed);
        let bytes = batch.request.encoded_len();
        assert!(bytes <= counted && counted <= BYTES_MAX, "{bytes}, {counted}");
    }

    #[test]
    fn a_span_that_is_too_large_goes_alone() {
        let mut span = fixture::span(1, &fixture::process(1, "one"));
        let row = Value::strings(vec!["x".repeat(1000); 100]);
        span.attributes.extend((0..60).map(|_| ("gen_ai.request.stop_sequences".into(), row.clone())));
        let span = Redactor::default().redact(span);
        let mut filling = Filling::default();
        assert!(filling.push(&span) && !filling.push(&span));
    }
}
