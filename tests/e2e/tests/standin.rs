//! The stand-in and every client, without the agent: what one logs is what the other received.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use spanwire_e2e::Setup;
use spanwire_e2e::client::{Client, Done};
use spanwire_e2e::folder::Folder;
use spanwire_e2e::standin::{Served, StandIn};

const SCRIPTS: [&str; 5] =
    ["openai_sdk.py", "openai_async.py", "httpx_client.py", "requests_client.py", "aiohttp_client.py"];

/// Every call was answered, with what the stand-in says that it sent, and the answers all differ.
fn agree(done: &Done, log: &[Served], count: usize) -> Result<()> {
    ensure!(done.calls.len() == count && log.len() == count, "{done:#?} {log:#?}");
    for call in &done.calls {
        let mut sent = log.iter().filter(|served| Some(&served.id) == call.id.as_ref());
        let served = sent.next().with_context(|| format!("not served: {call:?}"))?;
        ensure!(sent.next().is_none(), "served twice: {call:?}");
        let tokens = served.usage_sent.then_some((served.input_tokens, served.output_tokens)).unzip();
        ensure!((call.input_tokens, call.output_tokens) == tokens, "{call:?} {served:?}");
        ensure!(served.input_tokens != served.output_tokens, "a mix-up of these would not show: {served:?}");
        ensure!(served.header_names.iter().any(|name| name == "authorization"), "no key sent: {served:?}");
    }
    Ok(())
}

#[tokio::test]
async fn clients_receive_what_the_stand_in_logs() -> Result<()> {
    let setup = Setup::find()?;
    for plain in [false, true] {
        for script in SCRIPTS {
            for stream in [&[][..], &["--stream"]] {
                let standin = StandIn::start(&setup, plain).await?;
                let client = Client::python(&setup, script, &standin).args(stream).count(3);
                let done = client.run().await?;
                let log = standin.log(3).await?;
                agree(&done, &log, 3).with_context(|| format!("{script} {stream:?}, plain: {plain}"))?;
                for call in &done.calls {
                    ensure!(0 < call.started_ns && call.started_ns < call.ended_ns, "{call:?}");
                }
            }
        }
        let standin = StandIn::start(&setup, plain).await?;
        let done = Client::curl(&standin, "gpt-4o-mini").run().await?;
        agree(&done, &standin.log(1).await?, 1)?;
    }
    Ok(())
}

/// Bun, Deno, and the clients that are built for these tests.
#[tokio::test]
async fn clients_with_tls_of_their_own_do_as_well() -> Result<()> {
    type Start = fn(&Setup, &StandIn) -> Result<Client>;
    let clients: [(&str, Start); 7] = [
        ("Bun", Client::bun),
        ("Deno", Client::deno),
        ("Go", |_, standin| Client::native("go-client", standin)),
        ("aws-lc", |_, standin| Client::native("reqwest-aws-lc", standin)),
        ("ring", |_, standin| Client::native("reqwest-ring", standin)),
        ("OpenSSL", |_, standin| Client::native("reqwest-openssl", standin)),
        ("pycurl", |setup, standin| Ok(Client::python(setup, "pycurl_client.py", standin))),
    ];
    let setup = Setup::find()?;
    for (name, client) in clients {
        for stream in [&[][..], &["--stream"]] {
            let standin = StandIn::start(&setup, false).await?;
            let done = client(&setup, &standin)?.args(["--threads", "3"]).args(stream).count(2).run().await?;
            let log = standin.log(6).await?;
            agree(&done, &log, 6).with_context(|| format!("{name} {stream:?}"))?;
            ensure!(log.iter().all(|served| served.stream != stream.is_empty()), "{name} {log:#?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn coding_agents_can_be_pointed_at_it() -> Result<()> {
    let setup = Setup::find()?;
    for (client, begin) in
        [(Client::opencode as fn(&Path, &StandIn) -> _, "chatcmpl-"), (Client::codex, "resp_")]
    {
        let standin = StandIn::start(&setup, false).await?;
        let home = Folder::new()?;
        client(home.path(), &standin)?.run().await?;
        let log = standin.log(1).await?;
        let [served] = log.as_slice() else { bail!("one call was expected: {log:#?}") };
        ensure!(served.id.starts_with(begin) && served.stream, "{served:#?}");
        ensure!(served.header_names.iter().any(|name| name == "authorization"), "no key sent: {served:?}");
    }
    Ok(())
}

#[tokio::test]
async fn tls_is_spoken_in_the_form_asked_for() -> Result<()> {
    let setup = Setup::find()?;
    for (version, cipher, agreed) in [
        ("1.2", "AES128", ["TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"]),
        ("1.2", "AES256", ["TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"]),
        ("1.2", "CHACHA20", ["TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305"]),
        ("1.3", "AES128", ["TLSv1.3", "TLS_AES_128_GCM_SHA256"]),
        ("1.3", "AES256", ["TLSv1.3", "TLS_AES_256_GCM_SHA384"]),
        ("1.3", "CHACHA20", ["TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256"]),
    ] {
        let form = ["--tls", version, "--cipher", cipher];
        let standin = StandIn::start_with(&setup, &form, &[]).await?;
        Client::curl(&standin, "gpt-4o-mini").run().await?;
        Client::python(&setup, "resuming.py", &standin).count(2).run().await?;
        Client::native("go-client", &standin)?.args(["--resume"]).count(2).run().await?;
        let mut resumed = Vec::new();
        for served in standin.log(5).await? {
            let tls = served.tls.context("TLS")?;
            ensure!([&tls.version, &tls.cipher] == agreed, "{tls:?}");
            resumed.push(tls.resumed);
        }
        ensure!(resumed == [false, false, true, false, true], "{form:?}: {resumed:?}");
    }
    Ok(())
}

#[tokio::test]
async fn other_shapes_of_an_answer_are_good_ones() -> Result<()> {
    let setup = Setup::find()?;
    let standin = StandIn::start(&setup, false).await?;
    let shapes = [
        ("standin-gzip", &[][..]),
        ("standin-chunked", &[]),
        ("standin-large", &[]),
        ("standin-long-stream", &["--stream"]),
        ("gpt-4o-mini", &["--stream", "--no-usage"]),
        ("gpt-4o-mini", &["--tools"]),
    ];
    for (number, (model, arguments)) in shapes.into_iter().enumerate() {
        let client = Client::python(&setup, "openai_sdk.py", &standin).model(model).args(arguments);
        let done = client.run().await?;
        let log = standin.log(number + 1).await?;
        let last = log.get(number..).context("the log is short")?;
        agree(&done, last, 1).with_context(|| format!("{model} {arguments:?}"))?;
        let (reason, usage) =
            last.first().map(|s| (s.finish_reason.clone(), s.usage_sent)).context("none")?;
        assert_eq!(reason, if arguments.contains(&"--tools") { "tool_calls" } else { "stop" });
        assert_eq!(usage, !arguments.contains(&"--no-usage"));
    }
    Ok(())
}

#[tokio::test]
async fn broken_answers_break_each_client() -> Result<()> {
    let setup = Setup::find()?;
    let broken = [
        ("standin-429", &[][..], Some(429)),
        ("standin-500", &[], Some(500)),
        ("standin-cut", &[], Some(200)),
        ("standin-not-json", &[], Some(200)),
        ("standin-not-http", &[], None),
        ("standin-reset", &["--stream"], Some(200)),
        ("standin-stream-error", &["--stream"], Some(200)),
    ];
    for (model, arguments, status) in broken {
        for plain in [false, true] {
            let standin = StandIn::start(&setup, plain).await?;
            let client = Client::python(&setup, "openai_sdk.py", &standin).model(model).args(arguments);
            let done = client.run().await?;
            ensure!(done.calls.len() == 1, "{model}: {done:?}");
            ensure!(done.calls.iter().all(|call| call.error.is_some()), "{model}: {done:?}");
            let log = standin.log(1).await?;
            assert_eq!(log.first().map(|served| served.status), Some(status), "{model}");
            // One bad answer is not the end of the stand-in.
            let done = Client::curl(&standin, "gpt-4o-mini").run().await?;
            agree(&done, standin.log(2).await?.get(1..).unwrap_or_default(), 1)?;
        }
    }
    Ok(())
}
