"""Answers that lead an agent through its tools, and a vector store: the script is what the request itself says.

Models whose names begin with `standin-script` call each tool that they are offered once, in the order in which they are
offered, one an answer; then they answer with text. With `-all` in the name they call all in one answer; with `-twice`
each tool is called twice in turn, with the same arguments; with `-slow` they take a model's time.
"""

import json
import random
import time

import responses_api
import shapes
from provider import WORDS, Handler

SCRIPTED = "standin-script"
VALUES = {"string": "Lisbon", "integer": 7, "number": 0.5, "boolean": True}


def arguments(parameters):
    """Those that a tool's schema requires."""
    properties = (parameters or {}).get("properties") or {}
    required = (parameters or {}).get("required") or []
    return json.dumps({name: VALUES.get(properties.get(name, {}).get("type"), "Lisbon") for name in required})


def wanted(model, offered, called):
    """The tools to be called now, of those offered and those called before: (name, schema) and names."""
    times = 2 if "-twice" in model else 1
    left = [tool for tool in offered if called.count(tool[0]) < times]
    return left if "-all" in model else left[:1]


class Scripted(shapes.Shaped):
    """Chat completions."""

    def __init__(self, number, request):
        super().__init__(number, request)
        if not self.model.startswith(SCRIPTED):
            return
        functions = [tool["function"] for tool in request.get("tools") or []]
        offered = [(function["name"], function.get("parameters")) for function in functions]
        messages = request.get("messages") or []
        called = [call["function"]["name"] for message in messages for call in message.get("tool_calls") or []]
        self.calls = wanted(self.model, offered, called)
        self.number = number
        self.finish_reason = "tool_calls" if self.calls else "stop"

    def tool_calls(self):
        if not self.model.startswith(SCRIPTED):
            return super().tool_calls()
        return [
            {"id": f"call_{self.number}_{index}", "type": "function", "function": {"name": name, "arguments": arguments(schema)}}
            for index, (name, schema) in enumerate(self.calls)
        ]


class ScriptedResponse(responses_api.Response):
    """Responses."""

    def __init__(self, number, request):
        super().__init__(number, request)
        self.number, self.calls = number, []
        if not self.model.startswith(SCRIPTED):
            return
        tools = [tool for tool in request.get("tools") or [] if tool["type"] == "function"]
        items = request["input"] if isinstance(request.get("input"), list) else []
        called = [item["name"] for item in items if item.get("type") == "function_call"]
        self.calls = wanted(self.model, [(tool["name"], tool.get("parameters")) for tool in tools], called)
        # As OpenTelemetry's conventions have it.
        self.finish_reason = "tool_call" if self.calls else "stop"

    def body(self, status="completed"):
        document = super().body(status)
        if self.calls and document["output"]:
            document["output"] = [
                {"id": f"fc_{self.number}_{index}", "type": "function_call", "call_id": f"call_{self.number}_{index}",
                 "name": name, "arguments": arguments(schema), "status": "completed"}
                for index, (name, schema) in enumerate(self.calls)
            ]  # fmt: skip
        # What clients of the whole document want to have.
        return {**document, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None}


class Points:
    """A search in Qdrant."""

    id = model = response_model = finish_reason = ""
    stream = wants_usage = False
    input_tokens = output_tokens = 0

    def __init__(self, number, request):
        self.limit = request.get("limit", 10)

    def body(self):
        found = [{"id": number, "version": 1, "score": 0.9 - number / 10, "payload": {"text": WORDS[0]}} for number in range(3)]
        return {"result": {"points": found[: self.limit]}, "status": "ok", "time": 0.001}


def slow(handler: Handler, answer):
    time.sleep(random.uniform(0.005, 0.03))
    Handler.answer(handler, answer)


DIALECTS = {"/chat/completions": Scripted, "/responses": ScriptedResponse, "/points/query": Points}
BEHAVIOURS = {f"{SCRIPTED}-slow": slow}
