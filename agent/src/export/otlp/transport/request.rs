//! What is sent, of each signal.

use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use serde::Serialize;

use super::{Taken, shown};

/// A request of a signal's service.
pub(in super::super) trait Request:
    prost::Message + Default + Serialize + Clone + 'static
{
    /// What the service answers.
    type Response: prost::Message + Default + Into<Taken> + 'static;
    /// The path of the service's method.
    const METHOD: &'static str;
}

impl Request for ExportTraceServiceRequest {
    type Response = ExportTraceServiceResponse;
    const METHOD: &'static str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
}

impl From<ExportTraceServiceResponse> for Taken {
    fn from(response: ExportTraceServiceResponse) -> Self {
        let partial = response.partial_success.unwrap_or_default();
        Self::new(partial.rejected_spans, &partial.error_message)
    }
}

impl Request for ExportMetricsServiceRequest {
    type Response = ExportMetricsServiceResponse;
    const METHOD: &'static str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
}

impl From<ExportMetricsServiceResponse> for Taken {
    fn from(response: ExportMetricsServiceResponse) -> Self {
        let partial = response.partial_success.unwrap_or_default();
        Self::new(partial.rejected_data_points, &partial.error_message)
    }
}

impl Request for ExportLogsServiceRequest {
    type Response = ExportLogsServiceResponse;
    const METHOD: &'static str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
}

impl From<ExportLogsServiceResponse> for Taken {
    fn from(response: ExportLogsServiceResponse) -> Self {
        let partial = response.partial_success.unwrap_or_default();
        Self::new(partial.rejected_log_records, &partial.error_message)
    }
}

impl Taken {
    /// As the receiver says it; it may say anything.
    pub(super) fn new(rejected: i64, message: &str) -> Self {
        Self { rejected: u64::try_from(rejected).unwrap_or(0), message: shown(message) }
    }
}
