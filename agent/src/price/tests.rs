#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::*;
use crate::call::{Inference, Media, Ranking, Usage};

/// What genai-prices itself says of some calls.
static BILLS: &str = include_str!("tests/bills.jsonl");

/// 30 November 2026.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(498_912)
}

fn call(provider: &'static str, model: &str, usage: Usage) -> Call {
    let model = Some(model.to_owned());
    Call { request_model: model, usage, ..Call::new(Subject::chat(), provider) }
}

fn tokens(input: u64, output: u64) -> Usage {
    Usage { input: Some(input), output: Some(output), ..Usage::default() }
}

fn rules(text: &str) -> Prices {
    Prices { rules: Rule::parse(text).unwrap() }
}

fn total(prices: &Prices, call: &Call, host: &str, own_host: bool) -> Option<f64> {
    prices.cost(call, Some(host), own_host, now()).unwrap().map(|cost| cost.total)
}

#[test]
fn the_list_can_be_read() {
    let list: list::List = serde_json::from_str(list::TEXT).unwrap();
    assert_eq!(list.source, LIST.source);
}

#[derive(Deserialize)]
struct Bill {
    provider: String,
    model: String,
    at: Timestamp,
    kind: BTreeMap<String, String>,
    usage: BTreeMap<String, u64>,
    usd: [f64; 3],
}

#[test]
fn bills_are_those_of_the_lists_own_arithmetic() {
    assert!(BILLS.lines().count() > 100);
    for line in BILLS.lines() {
        let bill: Bill = serde_json::from_str(line).unwrap();
        let count = |name: &str| bill.usage.get(name).copied();
        let usage = Usage {
            input: count("input_tokens"),
            output: count("output_tokens"),
            cache_read: count("cache_read_tokens"),
            cache_write: count("cache_write_tokens"),
            reasoning: count("output_reasoning_tokens"),
            ..Usage::default()
        };
        let kind: Vec<_> = bill.kind.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let model = LIST.model(&bill.provider, &bill.model).unwrap();
        let prices = model.prices(moment(bill.at.into()).unwrap(), &kind).unwrap();
        match super::bill(&call("openai", &bill.model, usage), &prices, 1.0, "".into()) {
            Ok(cost) => {
                let parts = cost.parts.unwrap();
                for (ours, theirs) in [cost.total, parts.input, parts.output].iter().zip(bill.usd) {
                    assert!((ours - theirs).abs() < 1e-9, "{line}: {cost:?}");
                }
            }
            // It is billed by something that such a call does not have: for the package that is nothing.
            Err(why) => {
                assert_eq!(why, Unpriced::Model, "{line}");
                let covered = ["input_mtok", "output_mtok"].iter().all(|key| prices.contains_key(*key));
                let other = prices.keys().any(|key| matches!(unit::key(key), Key::Other));
                assert!(!covered || other, "{line}");
            }
        }
    }
}

#[test]
fn every_vendor_and_its_models_are_known() {
    for (provider, model) in [
        ("openai", "gpt-4o-2024-08-06"),
        ("openai", "text-embedding-3-small"),
        ("azure.ai.openai", "gpt-4o-2024-08-06"),
        ("anthropic", "claude-sonnet-4-5-20250929"),
        ("gcp.gemini", "gemini-2.5-flash"),
        ("gcp.vertex_ai", "claude-sonnet-4-5@20250929"),
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("aws.bedrock", "amazon.nova-lite-v1:0"),
        ("mistral_ai", "mistral-large-latest"),
        ("x_ai", "grok-4"),
        ("cohere", "command-r-plus"),
        ("deepseek", "deepseek-chat"),
        ("groq", "llama-3.3-70b-versatile"),
        ("perplexity", "sonar"),
    ] {
        let mut call = call(provider, model, tokens(1000, if model.contains("embed") { 0 } else { 10 }));
        call.response_model = call.request_model.clone();
        let cost = Prices::of_list().cost(&call, None, true, now());
        assert!(cost.as_ref().is_ok_and(|cost| cost.as_ref().unwrap().total > 0.0), "{model}: {cost:?}");
    }
    for provider in [
        "openai",
        "cerebras",
        "fireworks",
        "minimax",
        "moonshot_ai",
        "openrouter",
        "together",
        "voyageai",
        "z_ai",
    ] {
        assert!(LIST.has(vendor(provider).unwrap()), "{provider}");
    }
}

#[test]
fn what_cannot_be_priced_has_no_cost() {
    let prices = Prices::of_list();
    let cost = |call: &Call, own_host| prices.cost(call, Some("api.openai.com"), own_host, now());
    let known = call("openai", "gpt-4o", tokens(1000, 10));
    assert!(cost(&known, true).unwrap().is_some());
    // Somebody's server that speaks like the vendor.
    assert_eq!(cost(&known, false), Ok(None));
    assert_eq!(cost(&call("openai", "gpt-4o", Usage::default()), true), Ok(None));
    assert_eq!(cost(&call("openai", "gpt-4o-by-nobody", tokens(1, 1)), true), Err(Unpriced::Model));
    assert_eq!(cost(&call("openai", "ft:gpt-4o:acme::x", tokens(1, 1)), true), Err(Unpriced::Model));
    assert_eq!(cost(&call("ollama", "gpt-4o", tokens(1, 1)), true), Ok(None));
    // A deployment has whatever name it was given.
    assert_eq!(cost(&call("azure.ai.openai", "gpt-4o", tokens(1, 1)), true), Err(Unpriced::Model));
    let nameless = Call { request_model: None, ..known.clone() };
    assert_eq!(cost(&nameless, true), Err(Unpriced::Model));
    let cut = Subject::Inference { operation: Inference::Chat, finish_reasons: vec!["error".to_owned()] };
    assert_eq!(cost(&Call { subject: cut, ..known.clone() }, true), Ok(None));
    let tier = Some("PROVISIONED_THROUGHPUT".to_owned());
    assert_eq!(cost(&Call { service_tier: tier, ..known.clone() }, true), Ok(None));
    let contradictory = Usage { cache_read: Some(2000), ..tokens(1000, 10) };
    assert_eq!(cost(&call("openai", "gpt-4o", contradictory), true), Err(Unpriced::Counts));
    let huge = cost(&call("openai", "gpt-4o", tokens(u64::MAX, u64::MAX)), true).unwrap().unwrap();
    assert!(huge.total.is_finite() && huge.total > 1e12);
    // Sound costs more than text, and how much there was of it is not said.
    let mut spoken = call("gcp.gemini", "gemini-2.5-flash", tokens(1000, 10));
    assert!(cost(&spoken, true).unwrap().is_some());
    spoken.add_media(Media { modality: "audio", media_type: None, bytes: None });
    assert_eq!(cost(&spoken, true), Err(Unpriced::Model));
    spoken.usage.input_by.audio = Some(900);
    let apart = cost(&spoken, true).unwrap().unwrap().total;
    assert!((apart - (900.0 * 1e-6 + 100.0 * 0.3e-6 + 10.0 * 2.5e-6)).abs() < 1e-12, "{apart}");
}

#[test]
fn parts_add_up() {
    let usage = Usage {
        cache_read: Some(8_000),
        cache_write: Some(1_000),
        cache_write_1h: Some(400),
        web_searches: Some(3),
        ..tokens(10_000, 500)
    };
    let call = call("anthropic", "claude-sonnet-4-5", usage);
    let cost = Prices::of_list().cost(&call, None, true, now()).unwrap().unwrap();
    let parts = cost.parts.unwrap();
    let cache_write = 600.0 * 3.75e-6 + 400.0 * 6e-6;
    let input = 1_000.0 * 3e-6 + 8_000.0 * 0.3e-6 + cache_write;
    for (ours, expected) in [
        (parts.input, input),
        (parts.output, 500.0 * 15e-6),
        (parts.cache_write.unwrap(), cache_write),
        (cost.total, input + 500.0 * 15e-6 + 0.03),
    ] {
        assert!((ours - expected).abs() < 1e-12, "{cost:?}");
    }
    assert!(cost.source.starts_with("genai-prices@"));
}

#[test]
fn the_class_of_service_that_was_given_counts() {
    let standard = call("openai", "gpt-4o", tokens(1000, 10));
    let batch = Call { service_tier: Some("batch".to_owned()), ..standard.clone() };
    let prices = Prices::of_list();
    let cost = |call| total(&prices, call, "api.openai.com", true).unwrap();
    assert!((cost(&batch) - cost(&standard) / 2.0).abs() < 1e-12);
}

#[test]
fn a_provider_knows_best() {
    let mut charged = call("openrouter", "nobody/knows", tokens(1, 1));
    charged.charged_usd = Some(0.25);
    let cost = Prices::of_list().cost(&charged, None, false, now()).unwrap().unwrap();
    assert_eq!((cost.total, cost.parts, &*cost.source), (0.25, None, "provider"));
}

#[test]
fn rules_go_first() {
    let prices = rules(
        "
        - {host: llm.corp.example, list: openai}
        - {host: '*.free.example', usd: {input_mtok: 0, output_mtok: 0}}
        - {provider: openai, model: gpt-4o, since: 2027-01-01, usd: {input_mtok: 1000}}
        - {provider: openai, model: gpt-4o*, usd: {input_mtok: 1, cache_read_mtok: [0.5, [100, 0.25]], output_mtok: 2}}
        - {provider: anthropic, factor: 0.5}
        - {provider: cohere, usd: {rerank_searches_kcount: 2}}
        ",
    );
    let gpt = call("openai", "GPT-4o", Usage { cache_read: Some(500), ..tokens(1000, 10) });
    let of = |host, own| total(&prices, &gpt, host, own);
    let negotiated = 500e-6 + 500.0 * 0.25e-6 + 10.0 * 2e-6;
    assert!((of("api.openai.com", true).unwrap() - negotiated).abs() < 1e-12);
    let listed = total(&Prices::of_list(), &gpt, "api.openai.com", true);
    assert_eq!(of("llm.corp.example", false), listed);
    assert_eq!(of("a.free.example", false), Some(0.0));
    assert_eq!(of("other.example", false), None);
    let claude = call("anthropic", "claude-sonnet-4-5", tokens(1000, 10));
    let whole = total(&Prices::of_list(), &claude, "api.anthropic.com", true).unwrap();
    assert!((total(&prices, &claude, "api.anthropic.com", true).unwrap() - whole / 2.0).abs() < 1e-12);
    let ranking = Ranking { search_units: Some(3), ..Ranking::default() };
    let rerank =
        Call { request_model: Some("r".to_owned()), ..Call::new(Subject::Rerank(ranking), "cohere") };
    assert!((total(&prices, &rerank, "api.cohere.com", true).unwrap() - 0.006).abs() < 1e-12);
}

#[test]
fn wrong_rules_are_refused_by_what_is_wrong() {
    for (text, word) in [
        ("{}", "sequence"),
        ("- {model: x}", "nothing of a price"),
        ("- {model: x, usd: {input_mtokens: 1}}", "nothing that is counted"),
        ("- {model: x, usd: {input_mtok: -1}}", "amount of dollars"),
        ("- {model: x, usd: {input_mtok: .nan}}", "amount of dollars"),
        ("- {model: x, usd: {input_mtok: cheap}}", "did not match"),
        ("- {model: x, usd: {}, factor: 1}", "in place of them"),
        ("- {model: x, factor: -1}", "0 to 1000"),
        ("- {list: openei}", "no vendor 'openei'"),
        ("- {model: a*b*, factor: 1}", "more than one *"),
        ("- {modell: x, factor: 1}", "unknown field"),
        ("- {since: yesterday, factor: 1}", "parse"),
    ] {
        let error = Rule::parse(text).unwrap_err();
        assert!(error.contains(word), "{text}: {error}");
    }
    assert_eq!(Rule::parse(""), Ok(Vec::new()));
    let error = Prices::with_rules(Path::new("/nonexistent/prices.yaml")).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/prices.yaml"), "{error}");
}
