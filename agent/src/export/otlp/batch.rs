//! The items of one request: of many processes, bounded by number and by bytes.

use std::sync::Arc;

use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

use super::encode;
use super::item::{Content, Item};
use super::source::Source;
use crate::discovery::process::Process;

/// Items in a full batch.
pub(super) const ITEMS_MAX: usize = 512;
/// Bytes of a full batch, encoded: what receivers take by default (4 MiB, of gRPC), less some slack. An item
/// that is larger goes alone.
pub(super) const BYTES_MAX: usize = (4 << 20) - (64 << 10);
/// Tag and length of a message within another, at most: three times where a resource and a scope begin.
const FRAMING_BYTES: usize = 12;

/// The items of one request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Batch<I> {
    /// By resource.
    groups: Vec<(Resource, Vec<I>)>,
    items: usize,
}

impl<I: Item> Batch<I> {
    fn new() -> Self {
        Self { groups: Vec::new(), items: 0 }
    }

    /// How many items it holds.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// What is sent.
    pub(super) fn request(&self) -> I::Request {
        I::request(self.groups.clone())
    }

    /// What a request holds, as [`Batch::request`] made it.
    pub(super) fn of_request(request: I::Request) -> Self {
        let groups = I::groups(request);
        let items = groups.iter().map(|(_, items)| items.len()).sum();
        Self { groups, items }
    }

    /// Cuts it in two, the first no smaller than the second.
    pub(super) fn halves(self) -> (Self, Self) {
        let mut left = self.items.div_ceil(2);
        let (mut first, mut second) = (Self::new(), Self::new());
        for (resource, mut items) in self.groups {
            let rest = items.split_off(left.min(items.len()));
            left -= items.len();
            for (half, items) in [(&mut first, items), (&mut second, rest)] {
                if !items.is_empty() {
                    half.items += items.len();
                    half.groups.push((resource.clone(), items));
                }
            }
        }
        (first, second)
    }
}

/// A batch that is being filled.
#[derive(Debug)]
pub(super) struct Filling<I> {
    batch: Batch<I>,
    content: Content,
    /// The process of each of the batch's resources.
    processes: Vec<Arc<Process>>,
    /// At most so many bytes, encoded.
    bytes: usize,
}

impl<I: Item> Filling<I> {
    /// Empty.
    pub(super) fn new(content: Content) -> Self {
        Self { batch: Batch::new(), content, processes: Vec::new(), bytes: 0 }
    }

    /// Adds what there is of a source; false, and nothing is added, when the batch would become too large.
    pub(super) fn push(&mut self, source: &Source) -> bool {
        let Some(item) = I::of(source, self.content) else { return true };
        let process = source.process();
        let known = self.processes.iter().position(|known| Arc::ptr_eq(known, process) || known == process);
        let mut bytes = item.encoded_len() + FRAMING_BYTES;
        let new = match known {
            Some(_) => None,
            None => {
                let resource = encode::resource(process);
                bytes += resource.encoded_len() + encode::scope().encoded_len() + 3 * FRAMING_BYTES;
                Some(resource)
            }
        };
        if self.batch.items > 0 && self.bytes + bytes > BYTES_MAX {
            return false;
        }
        let groups = &mut self.batch.groups;
        if let Some(resource) = new {
            groups.push((resource, Vec::new()));
            self.processes.push(Arc::clone(process));
        }
        let group = known.unwrap_or(groups.len() - 1);
        if let Some((_, items)) = groups.get_mut(group) {
            items.push(item);
            self.batch.items += 1;
            self.bytes += bytes;
        }
        true
    }

    /// No item more may be added.
    pub(super) fn is_full(&self) -> bool {
        self.batch.items >= ITEMS_MAX
    }

    /// The batch as it is.
    pub(super) fn finish(self) -> Batch<I> {
        self.batch
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::logs::v1::LogRecord;
    use opentelemetry_proto::tonic::trace::v1::Span as OtlpSpan;

    use super::*;
    use crate::export::fixture;
    use crate::redact::Redactor;
    use crate::value::Value;

    /// Process and ids of spans of each resource.
    fn shape(batch: &Batch<OtlpSpan>) -> Vec<Vec<u8>> {
        let ids =
            |spans: &Vec<OtlpSpan>| spans.iter().filter_map(|span| span.span_id.first().copied()).collect();
        batch.groups.iter().map(|(_, spans)| ids(spans)).collect()
    }

    fn batch_of_three() -> Batch<OtlpSpan> {
        let (one, two) = (fixture::process(1, "one"), fixture::process(2, "two"));
        let same_as_one = fixture::process(1, "one");
        let mut filling = Filling::new(Content::Events);
        for (id, process) in [(1, &one), (2, &two), (3, &same_as_one)] {
            assert!(filling.push(&fixture::redacted(id, process).into()));
        }
        filling.finish()
    }

    #[test]
    fn spans_stand_with_their_process() {
        let batch = batch_of_three();
        assert_eq!(shape(&batch), [vec![1, 3], vec![2]]);
        assert_eq!(batch.items(), 3);
    }

    #[test]
    fn a_request_tells_what_it_was_made_of() {
        let batch = batch_of_three();
        let bytes = batch.request().encode_to_vec();
        let read =
            opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest::decode(&*bytes);
        assert_eq!(read.map(Batch::of_request), Ok(batch));
    }

    #[test]
    fn halves_hold_all_and_each_resource() {
        let (first, second) = batch_of_three().halves();
        assert_eq!((shape(&first), shape(&second)), (vec![vec![1, 3]], vec![vec![2]]));
        assert_eq!((first.items(), second.items()), (2, 1));
        let (one, other) = first.halves();
        assert_eq!((shape(&one), shape(&other)), (vec![vec![1]], vec![vec![3]]));
        let resource = |batch: &Batch<OtlpSpan>| batch.groups.first().map(|(resource, _)| resource.clone());
        assert_eq!(resource(&one), resource(&other));
    }

    #[test]
    fn no_batch_is_larger_than_receivers_take() {
        let process = fixture::process(1, "one");
        let mut large = fixture::span(1, &process);
        let reasons = vec!["x".repeat(1000); 100];
        large.attributes.push(("gen_ai.request.stop_sequences".into(), Value::strings(reasons)));
        let large = Redactor::default().redact(large).into();
        let mut filling = Filling::<OtlpSpan>::new(Content::Events);
        let pushed = (0..ITEMS_MAX).take_while(|_| filling.push(&large)).count();
        assert!((30..50).contains(&pushed), "{pushed}");
        let counted = filling.bytes;
        let batch = filling.finish();
        assert_eq!(batch.items(), pushed);
        let bytes = batch.request().encoded_len();
        assert!(bytes <= counted && counted <= BYTES_MAX, "{bytes}, {counted}");
    }

    #[test]
    fn spans_without_content_are_no_log_records() {
        let process = fixture::process(1, "one");
        let mut filling = Filling::<LogRecord>::new(Content::Logs);
        assert!(filling.push(&fixture::redacted(1, &process).into()));
        assert!(filling.push(&fixture::with_content(2, &process).into()));
        let batch = filling.finish();
        assert_eq!((batch.items(), batch.groups.len()), (1, 1));
    }

    #[test]
    fn a_span_that_is_too_large_goes_alone() {
        let mut span = fixture::span(1, &fixture::process(1, "one"));
        let row = Value::strings(vec!["x".repeat(1000); 100]);
        span.attributes.extend((0..60).map(|_| ("gen_ai.request.stop_sequences".into(), row.clone())));
        let span = Redactor::default().redact(span).into();
        let mut filling = Filling::<OtlpSpan>::new(Content::Events);
        assert!(filling.push(&span) && !filling.push(&span));
    }
}
