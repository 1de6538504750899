"""Answers that say what the request said, in every place that an answer has: for secrets that come from the far end.

For models whose names begin with `standin-echo`. Streams come in pieces of three characters.
"""

import json

import scripted
from provider import Handler

ECHO = "standin-echo"
REFUSED = "standin-echo-refused"


def said(content):
    """The text of a message."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content)
    return content or ""


class Echo(scripted.Scripted):
    """Chat completions: the last message comes back, or goes into the arguments of the first tool that is offered."""

    def __init__(self, number, request):
        super().__init__(number, request)
        self.is_echo = self.model.startswith(ECHO)
        if not self.is_echo:
            return
        self.response_model = self.model
        self.said = said((request.get("messages") or [{}])[-1].get("content"))
        self.tools = [tool["function"]["name"] for tool in request.get("tools") or []]
        self.words = [self.said[at : at + 3] for at in range(0, len(self.said), 3)]
        self.finish_reason = "tool_calls" if self.tools else "stop"

    def common(self, kind):
        common = super().common(kind)
        return {**common, "model": self.model} if self.is_echo else common

    def tool_calls(self):
        if not self.is_echo:
            return super().tool_calls()
        function = {"name": self.tools[0], "arguments": json.dumps({"note": self.said})}
        return [{"id": "call_echo", "type": "function", "function": function}]


class EchoPoints(scripted.Points):
    """A search in Qdrant: what is found has what was asked for, as its id, too."""

    def __init__(self, number, request):
        super().__init__(number, request)
        conditions = (request.get("filter") or {}).get("must") or []
        self.values = [condition["match"]["value"] for condition in conditions]

    def body(self):
        if not self.values:
            return super().body()
        found = [{"id": value, "version": 1, "score": 0.5, "payload": {"text": value}} for value in self.values]
        return {"result": {"points": found}, "status": "ok", "time": 0.001}


def refuse(handler: Handler, answer):
    error = {"message": f"You said: {answer.said}", "type": "invalid_request_error", "param": None, "code": answer.said}
    handler.send_body(400, {"error": error})


DIALECTS = {"/chat/completions": Echo, "/points/query": EchoPoints}
BEHAVIOURS = {REFUSED: refuse}
