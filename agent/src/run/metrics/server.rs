//! A small HTTP server: two paths, one request a connection, all of it bounded.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::super::monotonic_ns;
use super::health::{Status, judge};
use super::text::{MEDIA_TYPE, text};
use crate::telemetry::{Counters, metrics};

/// Connections at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 16;

/// How long a connection may last: a scraper takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Most bytes of a request's head: hyper takes no less.
const HEAD_BYTES: usize = 8192;

/// How long to wait when no connection can be accepted, such as for want of descriptors.
const PAUSE: Duration = Duration::from_secs(1);

/// Answers, for as long as it is awaited.
pub(super) async fn serve(listener: &TcpListener, counters: &Arc<Counters>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    // Never closed, so never refused.
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let counters = Arc::clone(counters);
                tokio::spawn(async move {
                    converse(stream, &counters).await;
                    drop(permit);
                });
            }
            Err(error) => {
                debug!("a connection for metrics was lost: {error}");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, counters: &Arc<Counters>) {
    let service = service_fn(|request: Request<Incoming>| {
        counters.monitoring_answered.increment();
        ready(Ok::<_, Infallible>(answer(request.method(), request.uri().path(), counters)))
    });
    let mut builder = http1::Builder::new();
    builder.keep_alive(false).max_buf_size(HEAD_BYTES).timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    let conversation = builder.serve_connection(TokioIo::new(stream), service);
    if !matches!(timeout(PATIENCE, conversation).await, Ok(Ok(()))) {
        counters.monitoring_broken.increment();
    }
}

fn answer(method: &Method, path: &str, counters: &Counters) -> Response<Full<Bytes>> {
    const TEXT: &str = "text/plain; charset=utf-8";
    let is_read = [Method::GET, Method::HEAD].contains(method);
    let (status, media_type, body) = match path {
        "/metrics" | "/healthz" if !is_read => {
            (StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET and HEAD alone are answered\n".to_owned())
        }
        "/metrics" => (StatusCode::OK, MEDIA_TYPE, text(&metrics(counters))),
        "/healthz" => {
            let health = judge(&counters.gauges, monotonic_ns());
            let status = match health.status {
                Status::Ok => StatusCode::OK,
                Status::Starting | Status::Failing => StatusCode::SERVICE_UNAVAILABLE,
            };
            // Words and numbers, which JSON has for all.
            let body = serde_json::to_string(&health).unwrap_or_default();
            (status, "application/json", body + "\n")
        }
        _ => (StatusCode::NOT_FOUND, TEXT, "there are /metrics and /healthz\n".to_owned()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

#[cfg(test)]
mod tests;
