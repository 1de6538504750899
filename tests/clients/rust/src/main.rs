//! Chat completions through reqwest's blocking client, one after another or by threads that share it.

use std::io::{BufRead as _, BufReader};
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::blocking::Client;
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

/// What is asked, and how often.
#[derive(Clone, Default)]
struct Chosen {
    base_url: String,
    model: String,
    count: usize,
    threads: usize,
    stream: bool,
}

fn chosen() -> Result<Chosen, Failure> {
    let mut chosen = Chosen { model: "gpt-4o-mini".to_owned(), count: 1, threads: 1, ..Chosen::default() };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
        match name.as_str() {
            "--base-url" => chosen.base_url = value()?,
            "--model" => chosen.model = value()?,
            "--count" => chosen.count = value()?.parse()?,
            "--threads" => chosen.threads = value()?.parse()?,
            "--stream" => chosen.stream = true,
            _ => return Err(format!("{name} is unknown").into()),
        }
    }
    Ok(chosen)
}

fn client() -> Result<Client, Failure> {
    let mut client = Client::builder().http1_only();
    if let Some(file) = std::env::var_os("SSL_CERT_FILE") {
        let ca = reqwest::Certificate::from_pem(&std::fs::read(file)?)?;
        client = client.tls_certs_only([ca]);
    }
    Ok(client.build()?)
}

/// Id and usage of one answer.
fn call(client: &Client, chosen: &Chosen) -> Result<Value, Failure> {
    let mut asked = json!({
        "model": chosen.model,
        "messages": [{"role": "user", "content": "What is the weather in Lisbon? prompt-canary"}],
    });
    if chosen.stream {
        asked["stream"] = json!(true);
        asked["stream_options"] = json!({"include_usage": true});
    }
    let url = format!("{}/chat/completions", chosen.base_url);
    let key = std::env::var("OPENAI_API_KEY").unwrap_or_default();
    let response = client.post(url).bearer_auth(key).json(&asked).send()?.error_for_status()?;
    if !chosen.stream {
        return Ok(response.json()?);
    }
    let mut answer = json!({});
    for line in BufReader::new(response).lines() {
        let line = line?;
        let Some(event) = line.strip_prefix("data: ").filter(|event| event.starts_with('{')) else {
            continue;
        };
        let event: Value = serde_json::from_str(event)?;
        answer["id"] = event["id"].clone();
        if event["usage"].is_object() {
            answer["usage"] = event["usage"].clone();
        }
    }
    Ok(answer)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A line for each call: what this client received, by its own account.
fn work(client: &Client, chosen: &Chosen) {
    for _ in 0..chosen.count {
        let began = now();
        let result = call(client, chosen);
        let answer = result.as_ref().ok();
        let line = json!({
            "id": answer.map(|answer| &answer["id"]),
            "input_tokens": answer.map(|answer| &answer["usage"]["prompt_tokens"]),
            "output_tokens": answer.map(|answer| &answer["usage"]["completion_tokens"]),
            "error": result.as_ref().err().map(ToString::to_string),
            "started_ns": began,
            "ended_ns": now(),
            "pid": std::process::id(),
        });
        println!("{line}");
    }
}

fn main() -> Result<(), Failure> {
    #[cfg(feature = "aws-lc")]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(all(feature = "ring", not(feature = "aws-lc")))]
    let provider = rustls::crypto::ring::default_provider();
    #[cfg(any(feature = "aws-lc", feature = "ring"))]
    provider.install_default().map_err(|_| "a provider is installed already")?;

    let chosen = chosen()?;
    let client = client()?;
    std::thread::scope(|scope| {
        for _ in 0..chosen.threads {
            scope.spawn(|| work(&client, &chosen));
        }
    });
    Ok(())
}
