// The door of the house: takes a user's question and hands it on to the orchestrator, with Node's own `fetch`. It logs and
// passes on headers as `hops.py` does, and says where it listens.

import { randomBytes } from "node:crypto";
import { subscribe } from "node:diagnostics_channel";
import { appendFileSync, readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createRequire } from "node:module";

// The packages are not beside this file.
const express = createRequire(`${process.env.SPANWIRE_NPM}/`)("express");

const { ORCHESTRATOR_URL, PROPAGATE, TRUTH } = process.env;
const COPIED = ["traceparent", "tracestate", "b3"];
// When this clock began, so that it has better than milliseconds.
const BEGAN = BigInt(Date.now()) * 1000000n - process.hrtime.bigint();
const now = () => Number(BEGAN + process.hrtime.bigint());

const address = (ip, port) => (port ? [ip, port] : null);
const sockets = new Map();
// Which socket a request goes out on, which `fetch` itself does not tell.
subscribe("undici:client:sendHeaders", ({ headers, socket }) => {
  const reference = /^x-request-ref: (\S+)/im.exec(headers)?.[1];
  sockets.set(reference, {
    own: address(socket.localAddress, socket.localPort),
    peer: address(socket.remoteAddress, socket.remotePort),
  });
});

function write(line) {
  const { pid } = process;
  appendFileSync(`${TRUTH}/${pid}.jsonl`, `${JSON.stringify({ ...line, service: "gateway", pid, tid: pid })}\n`);
}

function context(headers) {
  const found =
    /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(headers.traceparent ?? "") ??
    /^([0-9a-f]{32})-([0-9a-f]{16})(-.*)?$/.exec(headers.b3 ?? "");
  return found ? { trace: found[1], span: found[2] } : {};
}

function outgoing(inbound) {
  if (PROPAGATE === "none") return {};
  if (PROPAGATE === "forward")
    return Object.fromEntries(COPIED.flatMap((name) => (inbound[name] ? [[name, inbound[name]]] : [])));
  const trace = context(inbound).trace ?? randomBytes(16).toString("hex");
  const span = randomBytes(8).toString("hex");
  return PROPAGATE === "b3" ? { b3: `${trace}-${span}-1` } : { traceparent: `00-${trace}-${span}-01` };
}

const app = express();
app.use(express.json());

app.post("/ask", async (request, response) => {
  const start_ns = now();
  const parent = request.headers["x-request-ref"];
  const ref = `${parent}.1`;
  const headers = { "content-type": "application/json", "x-request-ref": ref, ...outgoing(request.headers) };
  const asked = now();
  const sent = { method: "POST", headers, body: JSON.stringify(request.body) };
  const answer = await fetch(`${ORCHESTRATOR_URL}/run`, sent);
  const document = await answer.json();
  const { own, peer } = sockets.get(ref) ?? { own: null, peer: null };
  sockets.delete(ref);
  const span = (from) => context(from).span ?? null;
  write({ ref, parent, end: "out", path: "/run", own, peer, start_ns: asked, end_ns: now(), context: span(headers) });
  const { localAddress, localPort, remoteAddress, remotePort } = request.socket;
  const ends = { own: address(localAddress, localPort), peer: address(remoteAddress, remotePort) };
  const inbound = { ref: parent, parent: null, end: "in", path: "/ask", ...ends };
  write({ ...inbound, start_ns, end_ns: now(), context: span(request.headers) });
  response.status(answer.status).json(document);
});

const { CERTIFICATE, KEY } = process.env;
const secured = () => createHttpsServer({ cert: readFileSync(CERTIFICATE), key: readFileSync(KEY) }, app);
const server = (CERTIFICATE ? secured() : createHttpServer(app)).listen(0, "127.0.0.1", () =>
  console.log(`${CERTIFICATE ? "https" : "http"}://127.0.0.1:${server.address().port}`),
);
