"""OpenAI's APIs by its SDK for JavaScript and by Vercel's, in Node."""

import openai_python2
from record import program

HOST = "api.openai.com"
answer = openai_python2.answer
NAMES = ("chat", "stream", "tools", "response", "response_stream", "vercel_tools", "vercel_stream")
CALLS = {name: lambda url, name=name: program("node", "node_sdks.mjs", f"openai_{name}", url) for name in NAMES}
