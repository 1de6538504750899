//! The tests' own parts, without the agent: the receiver receives, and the judge of spans finds each
//! thing that could be wrong.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{self as proto, ResourceSpans, ScopeSpans};
use prost::Message as _;
use spanwire_e2e::agent::finished;
use spanwire_e2e::receiver::{Protocol, Receiver, Reserved};
use spanwire_e2e::scene::{compare, concerning};
use spanwire_e2e::span::Span;
use spanwire_e2e::standin::{Served, StandIn};
use spanwire_e2e::transcript::Transcript;
use spanwire_e2e::{DEADLINE, Setup};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

fn pair(name: &str, value: Value) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// An answer as the stand-in would log it.
fn served() -> Served {
    Served {
        client_port: Some(40_000),
        request_model: "gpt-4o".to_owned(),
        stream: true,
        response_model: "gpt-4o-2024".to_owned(),
        id: "chatcmpl-1".to_owned(),
        input_tokens: 14,
        output_tokens: 1020,
        usage_sent: true,
        finish_reason: "stop".to_owned(),
        status: Some(200),
        host: "localhost".to_owned(),
        received_ns: 200,
        first_byte_ns: Some(300),
        traceparent: None,
        reference: None,
        header_names: Vec::new(),
        tls: None,
    }
}

/// The span that is right for [`served`].
fn right() -> proto::Span {
    let reasons = ArrayValue { values: vec![AnyValue { value: Some(text("stop")) }] };
    proto::Span {
        name: "chat gpt-4o".to_owned(),
        start_time_unix_nano: 100,
        end_time_unix_nano: 400,
        attributes: vec![
            pair("gen_ai.operation.name", text("chat")),
            pair("gen_ai.request.model", text("gpt-4o")),
            pair("gen_ai.request.stream", Value::BoolValue(true)),
            pair("gen_ai.response.id", text("chatcmpl-1")),
            pair("gen_ai.response.model", text("gpt-4o-2024")),
            pair("gen_ai.response.finish_reasons", Value::ArrayValue(reasons)),
            pair("gen_ai.usage.input_tokens", Value::IntValue(14)),
            pair("gen_ai.usage.output_tokens", Value::IntValue(1020)),
            pair("http.response.status_code", Value::IntValue(200)),
            pair("network.local.port", Value::IntValue(40_000)),
            pair("server.address", text("localhost")),
            pair("server.port", Value::IntValue(4242)),
        ],
        ..proto::Span::default()
    }
}

fn export(span: proto::Span) -> ExportTraceServiceRequest {
    export_of(7, span)
}

/// One span of one process.
fn export_of(pid: u32, span: proto::Span) -> ExportTraceServiceRequest {
    let pid = pair("process.pid", Value::IntValue(pid.into()));
    let attributes = vec![pair("service.name", text("harness")), pid];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let of_resource = ResourceSpans { resource, scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![of_resource] }
}

fn read(span: proto::Span) -> Result<Span> {
    Span::all_of(&export(span).resource_spans).pop().context("no span")
}

#[test]
fn the_judge_accepts_what_is_right() -> Result<()> {
    compare(&read(right())?, &served())
}

#[test]
fn the_judge_misses_no_attribute() -> Result<()> {
    // Its own id is how a span is found, and its port how it is known to concern the stand-in.
    let judged = |name: &str| !["gen_ai.response.id", "server.port"].contains(&name);
    let count = right().attributes.len();
    let mut wrong = Vec::new();
    for index in 0..count {
        let mut without = right();
        let name = without.attributes.remove(index).key;
        if judged(&name) {
            wrong.push((format!("no {name}"), without));
            let mut other = right();
            other.attributes.remove(index);
            other.attributes.push(pair(&name, text("something else")));
            wrong.push((format!("another {name}"), other));
        }
    }
    assert_eq!(wrong.len(), 2 * (count - 2));
    for (what, span) in wrong {
        ensure!(compare(&read(span)?, &served()).is_err(), "accepted: {what}");
    }
    Ok(())
}

#[test]
fn the_judge_misses_no_time_name_or_failure() -> Result<()> {
    let failed = proto::Status { code: proto::status::StatusCode::Error.into(), ..Default::default() };
    let mut with_error = right();
    with_error.attributes.push(pair("error.type", text("timeout")));
    let wrong = [
        ("late begin", proto::Span { start_time_unix_nano: 201, ..right() }),
        ("early end", proto::Span { end_time_unix_nano: 299, ..right() }),
        ("name", proto::Span { name: "chat".to_owned(), ..right() }),
        ("status", proto::Span { status: Some(failed), ..right() }),
        ("error.type", with_error),
    ];
    for (what, span) in wrong {
        ensure!(compare(&read(span)?, &served()).is_err(), "accepted: {what}");
    }
    // Other values of the right type, swapped tokens, tokens never sent, and an answer that was no stream.
    let logs = [
        Served { finish_reason: "length".to_owned(), ..served() },
        Served { status: Some(429), ..served() },
        Served { input_tokens: 15, ..served() },
        Served { output_tokens: 1021, ..served() },
        Served { input_tokens: 1020, output_tokens: 14, ..served() },
        Served { usage_sent: false, ..served() },
        Served { stream: false, ..served() },
    ];
    for log in logs {
        ensure!(compare(&read(right())?, &log).is_err(), "accepted: {log:?}");
    }
    Ok(())
}

#[tokio::test]
async fn spans_concern_the_stand_in_from_either_end() -> Result<()> {
    let standin = StandIn::start(&Setup::find()?, true).await?;
    let at = |name: &str, port: u16| {
        read(proto::Span { attributes: vec![pair(name, Value::IntValue(port.into()))], ..right() })
    };
    let other = standin.port.wrapping_add(1);
    let of_client = at("server.port", standin.port)?;
    let by_peer = at("network.peer.port", standin.port)?;
    let nameless = proto::Span { attributes: Vec::new(), ..right() };
    let of_server = export_of(standin.pid().context("it runs")?, nameless).resource_spans;
    let all = [vec![of_client, by_peer, at("server.port", other)?], Span::all_of(&of_server)].concat();
    assert_eq!(concerning(&standin, &all).count(), 3);
    Ok(())
}

/// Posts `body` as an exporter does; returns the status line.
async fn post(receiver: &Receiver, headers: &str, body: &[u8]) -> Result<String> {
    let address = receiver.endpoint();
    let mut socket = TcpStream::connect(address.trim_start_matches("http://")).await?;
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: receiver\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(&[head.as_bytes(), body].concat()).await?;
    let mut answer = Vec::new();
    tokio::time::timeout(DEADLINE, socket.read_to_end(&mut answer)).await.context("no answer")??;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// What [`export`] says, as received.
fn is_received(receiver: &Receiver, spans: &[Span]) -> Result<()> {
    for span in spans {
        assert_eq!((span.service(), span.response_id()), (Some("harness"), Some("chatcmpl-1")));
        assert_eq!(span.resource.int("process.pid"), Some(7));
        compare(span, &served())?;
    }
    // The bytes are unpacked ones, with the headers: a secret in either would be found.
    let bytes = receiver.bytes();
    for text in ["gen_ai.usage.input_tokens", "planted-in-a-header"] {
        let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
        ensure!(found, "{text} is not among the bytes");
    }
    Ok(())
}

#[tokio::test]
async fn the_receiver_takes_otlp_over_http() -> Result<()> {
    let receiver = Receiver::start(Protocol::Http).await?;
    let body = export(right()).encode_to_vec();
    let packed = gzip(&body)?;
    let both = receiver.wait_for("both exports", DEADLINE, |spans| spans.len() == 2);
    let posts = async {
        let planted = "x-planted: planted-in-a-header\r\n";
        let first = post(&receiver, planted, &body).await?;
        let second = post(&receiver, "content-encoding: gzip\r\n", &packed).await?;
        for line in [first, second] {
            ensure!(line.contains(" 200 "), "{line}");
        }
        Ok(())
    };
    let (spans, ()) = tokio::try_join!(both, posts)?;
    is_received(&receiver, &spans)?;
    let refused = post(&receiver, "", b"\xff\xff this is no export").await?;
    ensure!(refused.contains(" 400 ") && receiver.spans().len() == 2, "{refused}");
    Ok(())
}

#[tokio::test]
async fn the_receiver_takes_otlp_over_grpc() -> Result<()> {
    let receiver = Receiver::start(Protocol::Grpc).await?;
    let mut client = TraceServiceClient::connect(receiver.endpoint()).await?;
    let mut request = tonic::Request::new(export(right()));
    request.metadata_mut().insert("x-planted", "planted-in-a-header".parse()?);
    client.export(request).await?;
    let spans = receiver.wait_for("the export", DEADLINE, |spans| spans.len() == 1).await?;
    is_received(&receiver, &spans)
}

#[tokio::test]
async fn a_stopped_receiver_ends_its_connections_and_frees_its_port() -> Result<()> {
    for (protocol, opening) in [
        (Protocol::Http, b"POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n".as_slice()),
        (Protocol::Grpc, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
    ] {
        let reserved = Reserved::port()?;
        let port = reserved.number()?;
        for _ in 0..3 {
            let receiver = Receiver::start_on(protocol, port).await?;
            let mut kept = TcpStream::connect(("127.0.0.1", port)).await?;
            kept.write_all(opening).await?;
            ensure!(kept.read_u8().await.is_ok(), "{protocol:?}: no answer");
            receiver.stop().await?;
            // The rest of the answer, and then the end or a reset.
            let end = tokio::time::timeout(DEADLINE, kept.read_to_end(&mut Vec::new())).await;
            drop(end.with_context(|| format!("{protocol:?}: the connection outlives its receiver"))?);
            let refused = TcpStream::connect(("127.0.0.1", port)).await;
            ensure!(refused.is_err(), "{protocol:?}: somebody still listens");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_does_not_come_is_an_error_that_says_what_did() -> Result<()> {
    let receiver = Receiver::start(Protocol::Http).await?;
    post(&receiver, "", &export(right()).encode_to_vec()).await?;
    let Err(error) = receiver.wait_for("two spans", Duration::from_millis(1), |spans| spans.len() > 1).await
    else {
        bail!("there is only one");
    };
    let message = error.to_string();
    ensure!(message.contains("two spans") && message.contains("chat gpt-4o"), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_transcript_has_whole_lines_and_the_end() -> Result<()> {
    let (mut writer, reader) = tokio::io::duplex(64);
    let transcript = Transcript::of("duplex", reader);
    // The cut is inside the degree sign.
    writer.write_all(b"24 \xc2").await?;
    tokio::task::yield_now().await;
    writer.write_all(b"\xb0C\n").await?;
    let text = transcript.wait_for("a line", DEADLINE, |text| text.contains('\n')).await?;
    assert_eq!(text, "24 °C\n");
    writer.write_all(b"calm").await?;
    drop(writer);
    assert_eq!(transcript.wait_for_end(DEADLINE).await?, "24 °C\ncalm");
    let Err(error) = transcript.wait_for("rain", DEADLINE, |text| text.contains("rain")).await else {
        bail!("nobody spoke of rain");
    };
    ensure!(error.to_string().contains("rain") && error.to_string().contains("24 °C"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_missing_setting_fails_and_names_the_command() -> Result<()> {
    Setup::find()?;
    for name in ["SPANWIRE_BIN", "SPANWIRE_PYTHON", "SPANWIRE_ROOT"] {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--exact", "harness::the_setup_is_complete"]).env_remove(name);
        let output = finished(&mut command).await?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        ensure!(!output.status.success(), "{name}: {said}");
        ensure!(said.contains(name) && said.contains("cargo xtask test"), "{said}");
    }
    Ok(())
}

#[test]
fn the_setup_is_complete() -> Result<()> {
    Setup::find().map(drop)
}
