"""Ollama's own API by its SDK for JavaScript, in Node."""

import ollama_api
from record import program

HOST = "localhost:11434"
answer = ollama_api.answer
NAMES = ("chat", "stream", "embed")
CALLS = {name: lambda url, name=name: program("node", "node_sdks.mjs", f"ollama_{name}", url) for name in NAMES}
