//! The stand-in and every client, without the agent: what one logs is what the other received.

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::Setup;
use spanwire_e2e::client::{Client, Done};
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
