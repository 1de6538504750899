// What the families of Node's SDKs call: node_sdks.mjs NAME URL.

import dns from "node:dns";
import { createRequire } from "node:module";

// The packages are not beside this file.
const require = createRequire(new URL("../../target/npm/", import.meta.url));
const KEY = "sk-recorded-key-canary";
const PROMPT = "What is the weather in Lisbon? prompt-canary";
const messages = [{ role: "user", content: PROMPT }];
const parameters = { type: "object", properties: { city: { type: "string" } } };
const described = { name: "get_weather", description: "The weather" };
const tools = [{ type: "function", function: { ...described, parameters } }];

/** Makes this process connect to 127.0.0.1 where it means a vendor's server. */
function isHere(name) {
  const { lookup } = dns;
  dns.lookup = (host, ...rest) => lookup(host === name ? "127.0.0.1" : host, ...rest);
}

async function all(stream) {
  for await (const _ of stream);
}

function openai(url) {
  const { OpenAI } = require("openai");
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, maxRetries: 0 });
}

function chat(url, more) {
  return openai(url).chat.completions.create({ model: "gpt-4o-mini", messages, ...more });
}

function response(url, more) {
  return openai(url).responses.create({ model: "gpt-5-mini", input: PROMPT, ...more });
}

function vercel(url) {
  const { createOpenAI } = require("@ai-sdk/openai");
  return createOpenAI({ baseURL: `${url}/v1`, apiKey: KEY });
}

/** An agent's two steps, by the responses API. */
async function vercelTools(url) {
  const { generateText, isStepCount, jsonSchema, tool } = require("ai");
  const get_weather = tool({
    description: "The weather",
    inputSchema: jsonSchema(parameters),
    execute: async () => "It is sunny. answer-canary",
  });
  const stopWhen = isStepCount(3);
  await generateText({ model: vercel(url)("gpt-5-mini"), prompt: PROMPT, tools: { get_weather }, stopWhen, maxRetries: 0 });
}

async function vercelStream(url) {
  const { streamText } = require("ai");
  const onError = ({ error }) => {
    throw error;
  };
  const model = vercel(url).chat("gpt-4o-mini");
  await all(streamText({ model, prompt: PROMPT, maxOutputTokens: 99, maxRetries: 0, onError }).textStream);
}

function anthropic(url) {
  const Anthropic = require("@anthropic-ai/sdk");
  return new Anthropic({ baseURL: url, apiKey: KEY, maxRetries: 0 });
}

const asked = { model: "claude-sonnet-4-5-20250929", max_tokens: 1024, messages };
const anthropicTools = [{ ...described, input_schema: parameters }];

function ollama(url) {
  const { Ollama } = require("ollama");
  return new Ollama({ host: url });
}

const calls = {
  openai_chat: (url) => chat(url, { temperature: 0.2, max_completion_tokens: 99 }),
  openai_stream: async (url) => all(await chat(url, { stream: true, stream_options: { include_usage: true } })),
  openai_tools: (url) => chat(url, { tools }),
  openai_response: (url) => response(url, { reasoning: { effort: "low" } }),
  openai_response_stream: async (url) => all(await response(url, { stream: true })),
  openai_vercel_tools: vercelTools,
  openai_vercel_stream: vercelStream,
  anthropic_message: (url) => anthropic(url).messages.create(asked),
  anthropic_stream: (url) => anthropic(url).messages.stream({ ...asked, tools: anthropicTools }).finalMessage(),
  anthropic_tools: (url) => anthropic(url).messages.create({ ...asked, tools: anthropicTools }),
  ollama_chat: (url) => ollama(url).chat({ model: "llama3.2", messages }),
  ollama_stream: async (url) => all(await ollama(url).chat({ model: "llama3.2", messages, tools, stream: true })),
  ollama_embed: (url) => ollama(url).embed({ model: "llama3.2", input: ["prompt-canary", "two"] }),
};

const [name, url] = process.argv.slice(2);
isHere(new URL(url).hostname);
await calls[name](url);
