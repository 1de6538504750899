"""Anthropic's messages by its SDK for JavaScript, in Node."""

import anthropic_messages
from record import Answer, program

HOST = "api.anthropic.com"


def answer(request):
    asked = request.json()
    if "tools" in asked:
        return anthropic_messages.answer(request)
    text = anthropic_messages.message([anthropic_messages.TEXT], "end_turn", anthropic_messages.USAGE)
    return Answer(text, headers={"request-id": "req_011"})


NAMES = ("message", "stream", "tools")
CALLS = {name: lambda url, name=name: program("node", "node_sdks.mjs", f"anthropic_{name}", url) for name in NAMES}
