//! What an agent framework says that it did, and what the spans say of it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::span::Span;

/// One thing that a program of `tests/frameworks` says that its framework did.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "did", rename_all = "lowercase")]
pub enum Did {
    /// An agent asked its model.
    Chat {
        /// The agent.
        agent: String,
    },
    /// An agent ran a tool.
    Tool {
        /// The agent.
        agent: String,
        /// The tool.
        name: String,
        /// The id of the model's call for it.
        call_id: String,
    },
    /// An agent came into being for another.
    Agent {
        /// Its name.
        name: String,
        /// The other's.
        parent: String,
        /// The model's call for it, where it is a tool; none where the other handed over.
        call_id: Option<String>,
    },
}

/// By what the framework hands over, with the agent's name behind it.
const HAND_OVER: &str = "transfer_to_";

fn operation(span: &Span) -> &str {
    span.text("gen_ai.operation.name").unwrap_or_default()
}

/// Calls and tools in the order of their begins; without what stands for a hand-over, which is no tool that ran.
fn steps(spans: &[Span]) -> Vec<&Span> {
    let is_step = |span: &&Span| match operation(span) {
        "chat" => true,
        "execute_tool" => !span.text("gen_ai.tool.name").unwrap_or_default().starts_with(HAND_OVER),
        _ => false,
    };
    let mut steps: Vec<&Span> = spans.iter().filter(is_step).collect();
    // Tools that one answer asks for begin at once, with its end.
    steps.sort_by_key(|span| {
        (span.raw.start_time_unix_nano, span.text("gen_ai.tool.call.id").map(str::to_owned))
    });
    steps
}

/// Compares one run's spans, all of its process, with what the framework did.
///
/// # Errors
/// At the first difference.
pub fn compare(did: &[Did], spans: &[Span]) -> Result<()> {
    let steps = steps(spans);
    let known: Vec<&Did> = did.iter().filter(|did| !matches!(did, Did::Agent { .. })).collect();
    ensure!(
        steps.len() == known.len(),
        "{} spans for {} steps: {known:#?} {steps:#?}",
        steps.len(),
        known.len()
    );
    let mut agents: BTreeMap<&str, BTreeSet<&[u8]>> = BTreeMap::new();
    let mut of_agent: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    for (span, did) in steps.iter().copied().zip(known) {
        let agent = step(span, did)?;
        let above = agent_of(span, spans).with_context(|| format!("below no agent's run: {span:#?}"))?;
        agents.entry(agent).or_default().insert(&above.raw.span_id);
        of_agent.entry(agent).or_default().push(span);
    }
    of_agent.values().try_for_each(|steps| in_turn(steps))?;
    whole(spans)?;
    graph(did, &agents, spans)
}

/// Compares a span with one step; returns the agent.
fn step<'a>(span: &Span, did: &'a Did) -> Result<&'a str> {
    match did {
        Did::Tool { agent, name, call_id } => {
            ensure!(span.raw.name == format!("execute_tool {name}"), "not {did:?}: {span:#?}");
            ensure!(span.text("gen_ai.tool.name") == Some(name), "not {did:?}: {span:#?}");
            ensure!(span.text("gen_ai.tool.call.id") == Some(call_id), "not {did:?}: {span:#?}");
            ensure!(is_inferred(span), "a span of what no wire shows: {span:#?}");
            Ok(agent)
        }
        Did::Chat { agent } | Did::Agent { name: agent, .. } => {
            ensure!(operation(span) == "chat", "not {did:?}: {span:#?}");
            ensure!(!is_inferred(span), "{span:#?}");
            Ok(agent)
        }
    }
}

fn is_inferred(span: &Span) -> bool {
    span.attributes.flag("spanwire.inferred") == Some(true)
}

fn agent_of<'a>(span: &Span, spans: &'a [Span]) -> Option<&'a Span> {
    let mut span = span;
    let mut met = HashSet::new();
    while met.insert(&span.raw.span_id) {
        let above = spans.iter().find(|above| {
            above.raw.span_id == span.raw.parent_span_id && above.raw.trace_id == span.raw.trace_id
        })?;
        if operation(above) == "invoke_agent" {
            return Some(above);
        }
        span = above;
    }
    None
}

/// An agent's tools run between the answer that asks for them and the request that tells of them.
fn in_turn(steps: &[&Span]) -> Result<()> {
    let is_chat = |span: &&&Span| operation(span) == "chat";
    for (number, tool) in steps.iter().enumerate().filter(|(_, span)| operation(span) == "execute_tool") {
        let (before, after) = steps.split_at(number);
        if let Some(asked) = before.iter().rfind(is_chat) {
            ensure!(asked.raw.end_time_unix_nano <= tool.raw.start_time_unix_nano, "{asked:#?} {tool:#?}");
        }
        if let Some(told) = after.iter().find(is_chat) {
            ensure!(tool.raw.end_time_unix_nano <= told.raw.start_time_unix_nano, "{tool:#?} {told:#?}");
        }
    }
    Ok(())
}

/// One trace, in which each id is one span's, each parent is there, and one span is the root.
fn whole(spans: &[Span]) -> Result<()> {
    let ids: HashSet<_> = spans.iter().map(|span| &span.raw.span_id).collect();
    ensure!(ids.len() == spans.len(), "an id twice: {spans:#?}");
    let traces: HashSet<_> = spans.iter().map(|span| &span.raw.trace_id).collect();
    ensure!(traces.len() == 1, "{} traces: {spans:#?}", traces.len());
    let (roots, others): (Vec<_>, Vec<_>) = spans.iter().partition(|span| span.raw.parent_span_id.is_empty());
    ensure!(roots.len() == 1, "{} roots: {spans:#?}", roots.len());
    let orphan = others.iter().find(|span| !ids.contains(&span.raw.parent_span_id));
    ensure!(orphan.is_none(), "a parent that nobody exported: {orphan:#?}");
    Ok(())
}

/// Agents are nodes of a graph, one run each.
fn graph(did: &[Did], agents: &BTreeMap<&str, BTreeSet<&[u8]>>, spans: &[Span]) -> Result<()> {
    let mut runs: HashMap<&str, &Span> = HashMap::new();
    for (agent, found) in agents {
        ensure!(found.len() == 1, "{agent} has {} runs: {spans:#?}", found.len());
        let run = spans.iter().find(|span| found.contains(span.raw.span_id.as_slice())).context("a run")?;
        ensure!(is_inferred(run) && run.raw.name.starts_with("invoke_agent"), "{run:#?}");
        runs.insert(agent, run);
    }
    let all: Vec<_> = spans.iter().filter(|span| operation(span) == "invoke_agent").collect();
    ensure!(all.len() == agents.len(), "{} runs of {} agents: {all:#?}", all.len(), agents.len());
    let node = |agent: &str| runs.get(agent)?.text("gen_ai.agent.graph.node_id");
    let nodes: HashSet<_> = agents.keys().map(|agent| node(agent)).collect();
    ensure!(nodes.len() == agents.len() && !nodes.contains(&None), "nodes {nodes:?}: {all:#?}");
    for (agent, run) in &runs {
        let made = did.iter().find_map(|did| match did {
            Did::Agent { name, parent, call_id } if name == agent => Some((parent, call_id)),
            _ => None,
        });
        let parent = made.and_then(|(parent, _)| node(parent));
        ensure!(
            run.text("gen_ai.agent.graph.parent_node_id") == parent,
            "{agent} is of {parent:?}: {run:#?}"
        );
        // A hand-over names whom it is to; a tool's name is not that of the agent that may be behind it.
        if let Some((_, None)) = made {
            ensure!(run.text("gen_ai.agent.name") == Some(agent), "not {agent}: {run:#?}");
        }
    }
    Ok(())
}
