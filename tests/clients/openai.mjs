// Chat completions through the openai SDK for JavaScript, one after another or many at once: Node, Bun
// and Deno run this.

import { createRequire } from "node:module";
import { parseArgs } from "node:util";

// The packages are not beside this file.
const require = createRequire(`${process.env.SPANWIRE_NPM}/`);
const { OpenAI } = require("openai");

const { values: chosen } = parseArgs({
  args: process.argv.slice(2),
  options: {
    "base-url": { type: "string" },
    model: { type: "string", default: "gpt-4o-mini" },
    count: { type: "string", default: "1" },
    threads: { type: "string", default: "1" },
    stream: { type: "boolean", default: false },
  },
});
const client = new OpenAI({ baseURL: chosen["base-url"], maxRetries: 0 });

async function call() {
  const request = {
    model: chosen.model,
    messages: [{ role: "user", content: "What is the weather in Lisbon? prompt-canary" }],
  };
  if (!chosen.stream) return client.chat.completions.create(request);
  const options = { ...request, stream: true, stream_options: { include_usage: true } };
  const answer = {};
  for await (const event of await client.chat.completions.create(options)) {
    answer.id = event.id;
    answer.usage = event.usage ?? answer.usage;
  }
  return answer;
}

/** One line for one call: what this client received, by its own account. */
function report(began, answer, error) {
  const line = {
    id: answer?.id,
    input_tokens: answer?.usage?.prompt_tokens,
    output_tokens: answer?.usage?.completion_tokens,
    error: error?.constructor.name,
    // Whole milliseconds: the call begins no earlier, and ends no later.
    started_ns: began * 1e6,
    ended_ns: (Date.now() + 1) * 1e6,
  };
  console.log(JSON.stringify(line));
}

async function work() {
  for (let done = 0; done < Number(chosen.count); done++) {
    const began = Date.now();
    try {
      report(began, await call());
    } catch (error) {
      report(began, undefined, error);
    }
  }
}

await Promise.all(Array.from({ length: Number(chosen.threads) }, work));
