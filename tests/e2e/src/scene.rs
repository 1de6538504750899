//! Agent, stand-in and receiver together, as most tests want them.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail, ensure};

use crate::agent::{Agent, Ended};
use crate::client::{Client, Done, Received};
use crate::door::Doorkeeper;
use crate::receiver::{Protocol, Receiver};
use crate::span::Span;
use crate::standin::{Served, StandIn};
use crate::{DEADLINE, LONG_DEADLINE, Setup};

/// The whole scene. Its TLS clients begin when the agent has put probes on them: what is asserted of their
/// calls holds however slow the machine is.
#[derive(Debug)]
pub struct Scene {
    /// What the tests were given.
    pub setup: Setup,
    /// The receiver.
    pub receiver: Receiver,
    /// The provider.
    pub standin: StandIn,
    /// The agent.
    pub agent: Agent,
    /// None where clients begin at once.
    pub door: Option<Doorkeeper>,
}

/// A scene that is over.
#[derive(Debug)]
pub struct Outcome {
    /// All spans that concern the stand-in.
    pub spans: Vec<Span>,
    /// What the stand-in served.
    pub log: Vec<Served>,
    /// Every byte that was exported.
    pub bytes: Vec<u8>,
    /// The agent.
    pub agent: Ended,
    /// The stand-in, which still runs.
    pub standin: StandIn,
}

impl Scene {
    /// With TLS, and OTLP over HTTP.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn tls(arguments: &[&str]) -> Result<Self> {
        Self::new(Protocol::Http, false, arguments).await
    }

    /// Without TLS, and with OTLP over HTTP.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn plain(arguments: &[&str]) -> Result<Self> {
        Self::new(Protocol::Http, true, arguments).await
    }

    /// With TLS as these arguments of the stand-in have it, such as `--tls 1.2 --cipher AES128`.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn tls_of(standin: &[&str], arguments: &[&str]) -> Result<Self> {
        let setup = Setup::find()?;
        let receiver = Receiver::start(Protocol::Http).await?;
        let standin = StandIn::start_with(&setup, &[&["--ask"], standin].concat(), &[]).await?;
        let agent = Agent::start(&setup, &receiver, arguments).await?;
        Ok(Self::of(setup, receiver, standin, agent))
    }

    /// Any.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn new(protocol: Protocol, plain: bool, arguments: &[&str]) -> Result<Self> {
        let setup = Setup::find()?;
        let receiver = Receiver::start(protocol).await?;
        let standin = StandIn::asking(&setup, plain).await?;
        let agent = Agent::start(&setup, &receiver, arguments).await?;
        Ok(Self::of(setup, receiver, standin, agent))
    }

    /// As [`Scene::new`], but its clients begin at once: for what is told of those that are not seen.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn open(protocol: Protocol, plain: bool, arguments: &[&str]) -> Result<Self> {
        let setup = Setup::find()?;
        let receiver = Receiver::start(protocol).await?;
        let standin = StandIn::start(&setup, plain).await?;
        let agent = Agent::start(&setup, &receiver, arguments).await?;
        Ok(Self::of(setup, receiver, standin, agent))
    }

    /// Of its parts. An asking stand-in is answered from now on.
    #[must_use]
    pub fn of(setup: Setup, receiver: Receiver, mut standin: StandIn, agent: Agent) -> Self {
        let door = Doorkeeper::start(&mut standin, Some(agent.log()));
        Self { setup, receiver, standin, agent, door }
    }

    /// A client of `tests/clients`.
    #[must_use]
    pub fn python(&self, script: &str) -> Client {
        Client::python(&self.setup, script, &self.standin)
    }

    /// curl.
    #[must_use]
    pub fn curl(&self, model: &str) -> Client {
        Client::curl(&self.standin, model)
    }

    /// Waits for `count` spans, one for each request that the stand-in served; then stops the agent, so
    /// that whatever it has besides them arrives as well. There must be nothing besides them.
    ///
    /// # Errors
    /// When there are fewer or more, or the agent does not stop well.
    pub async fn finish(self, count: usize) -> Result<Outcome> {
        let Self { receiver, standin, agent, .. } = self;
        let deadline = if count > 100 { LONG_DEADLINE } else { DEADLINE };
        let log = standin.log(count).await?;
        ensure!(log.len() == count, "{} requests were served, not {count}", log.len());
        let waited = receiver
            .wait_for(&format!("{count} spans"), deadline, |spans| {
                concerning(&standin, spans).count() >= count
            })
            .await;
        let ended = agent.stop().await?;
        waited.with_context(|| format!("the agent's log:\n{}", ended.stderr))?;
        ensure!(ended.status.success(), "the agent ended with {}:\n{}", ended.status, ended.stderr);
        let spans: Vec<Span> = concerning(&standin, &receiver.spans()).cloned().collect();
        ensure!(spans.len() == count, "{} spans for {count} calls: {spans:#?}", spans.len());
        Ok(Outcome { spans, log, bytes: receiver.bytes(), agent: ended, standin })
    }
}

/// The spans that concern the stand-in, from whichever end: others on this host may make calls too.
pub fn concerning<'a>(standin: &StandIn, spans: &'a [Span]) -> impl Iterator<Item = &'a Span> {
    let port = Some(i64::from(standin.port));
    let pid = standin.pid().map(i64::from);
    spans.iter().filter(move |span| {
        span.int("server.port") == port
            || span.int("network.peer.port") == port
            || (pid.is_some() && span.resource.int("process.pid") == pid)
    })
}

impl Outcome {
    /// The one span with this response id.
    ///
    /// # Errors
    /// When there is none, or several.
    pub fn span(&self, id: &str) -> Result<&Span> {
        let mut found = self.spans.iter().filter(|span| span.response_id() == Some(id));
        let span = found.next().with_context(|| format!("no span of {id} among {:#?}", self.spans))?;
        ensure!(found.next().is_none(), "two spans of {id}");
        Ok(span)
    }

    /// What the stand-in logged of the answer with this id.
    ///
    /// # Errors
    /// When it logged nothing.
    pub fn served(&self, id: &str) -> Result<&Served> {
        self.log.iter().find(|served| served.id == id).with_context(|| format!("nothing served as {id}"))
    }

    /// Compares span, log and the client's own account of every call in `calls`, all of which succeeded.
    ///
    /// # Errors
    /// At the first difference.
    pub fn compare(&self, calls: &[Received]) -> Result<()> {
        // Thousands of each are looked up.
        let mut spans: HashMap<&str, Vec<&Span>> = HashMap::new();
        for span in &self.spans {
            spans.entry(span.response_id().unwrap_or_default()).or_default().push(span);
        }
        let log: HashMap<&str, &Served> =
            self.log.iter().map(|served| (served.id.as_str(), served)).collect();
        for call in calls {
            let id = call.id.as_deref().with_context(|| format!("the client met an error: {call:?}"))?;
            let served = log.get(id).with_context(|| format!("nothing served as {id}"))?;
            let span = match spans.get(id).map(Vec::as_slice) {
                Some([span]) => span,
                Some(_) => bail!("two spans of {id}"),
                None => bail!("no span of {id} among {:#?}", self.spans),
            };
            compare(span, served).with_context(|| format!("{served:#?}\n{span:#?}"))?;
            let tokens = (call.input_tokens, call.output_tokens);
            ensure!(tokens == span.tokens(), "the client was told {tokens:?}: {span:#?}");
            let (began, ended) = (span.raw.start_time_unix_nano, span.raw.end_time_unix_nano);
            ensure!(call.started_ns <= began, "the span begins before its call: {span:#?}");
            // A stream ends when its client closes it, which may be after it has told of it.
            let told_at_end = call.ended_ns > 0 && !served.stream;
            ensure!(!told_at_end || ended <= call.ended_ns, "the span ends after its call: {span:#?}");
        }
        Ok(())
    }

    /// The only span.
    ///
    /// # Errors
    /// When there are more, or none.
    pub fn only(&self) -> Result<&Span> {
        match self.spans.as_slice() {
            [span] => Ok(span),
            spans => bail!("one span was expected, not {spans:#?}"),
        }
    }
}

/// Compares a span with what was truly sent, for an answer that was complete.
///
/// # Errors
/// At the first difference.
pub fn compare(span: &Span, served: &Served) -> Result<()> {
    let is = |name, expected: &str| {
        let found = span.text(name);
        ensure!(found == Some(expected), "{name} is {found:?}, not {expected}");
        Ok(())
    };
    is("gen_ai.operation.name", "chat")?;
    is("gen_ai.request.model", &served.request_model)?;
    is("gen_ai.response.model", &served.response_model)?;
    is("server.address", &served.host)?;
    ensure!(span.raw.name == format!("chat {}", served.request_model), "the name is {}", span.raw.name);
    let tokens = if served.usage_sent {
        (Some(served.input_tokens), Some(served.output_tokens))
    } else {
        (None, None)
    };
    ensure!(span.tokens() == tokens, "tokens are {:?}, not {tokens:?}", span.tokens());
    let reasons = span.attributes.texts("gen_ai.response.finish_reasons");
    ensure!(reasons == [served.finish_reason.as_str()], "finish reasons are {reasons:?}");
    let status = span.int("http.response.status_code");
    ensure!(status == served.status, "the status is {status:?}");
    ensure!(!span.failed() && span.error_type().is_none(), "it is marked as failed");
    let port = span.int("network.local.port");
    ensure!(port == served.client_port.map(i64::from), "the client's port is {port:?}");
    let streamed = span.attributes.flag("gen_ai.request.stream");
    ensure!(streamed == served.stream.then_some(true), "stream is {streamed:?}");
    let first = served.first_byte_ns.context("an answer that was given has a first byte")?;
    let times = [span.raw.start_time_unix_nano, served.received_ns, first, span.raw.end_time_unix_nano];
    // A Unix socket does not tell when it began to send, as TCP does: what is known is when the call had
    // ended, and the peer does not wait for that.
    let known = times.get(usize::from(served.client_port.is_none())..).unwrap_or_default();
    ensure!(known.is_sorted(), "began, was received, was answered, ended: {times:?}");
    Ok(())
}

/// SDKs leave a stream at `[DONE]`, before HTTP's own end of it: what a wire shows of that.
const LEFT_AT_DONE: &str = "the connection closed after the last finish reason";

/// Runs one client in a scene of its own and compares every one of its `count` calls.
///
/// # Errors
/// At the first difference, or when there are more or fewer spans than calls.
pub async fn traced(scene: Scene, client: Client, count: usize) -> Result<(Outcome, Done)> {
    let done = client.run().await?;
    ensure!(done.calls.len() == count, "the client made {} calls", done.calls.len());
    let outcome = scene.finish(count).await?;
    outcome.compare(&done.calls)?;
    for span in &outcome.spans {
        ensure!(span.resource.int("process.pid") == Some(done.pid.into()), "of another process: {span:#?}");
        let streamed = span.attributes.flag("gen_ai.request.stream") == Some(true);
        let known = |note: &&str| streamed && *note == LEFT_AT_DONE;
        ensure!(span.notes().iter().all(known), "something was not seen: {span:#?}");
    }
    Ok((outcome, done))
}
