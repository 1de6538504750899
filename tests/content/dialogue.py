"""What is said in each dialogue, in no API's words, and the shape in which it is told.

Truth has the shape that the GenAI conventions give messages, since every dialect has its own: the schemas of
`gen_ai.input.messages` and the others. It is made here, of what the SDKs take and return.
"""

import base64
import random

EMAIL = "jane.roe@lisbon-trips.example"
CARD = "4111 1111 1111 1111"
# As GitLab's tokens are; put together here so that nobody takes it for one.
KEY = "glpat-" + "x7Qm2Vt9Lr4Bz8Nc1Kd5"
PLANTED = {EMAIL: "[EMAIL]", CARD: "[CARD]", KEY: "[CREDENTIAL]"}

SYSTEM = f'You plan trips for {EMAIL}. Use "quotes",\nnew lines,\ttabs, é, 東京 and 🙂.'
HELLO = f"Hello! Please pay with {CARD}."
NOTED = "Noted, the card is there."
ASK = f"Where are these, and how is the weather there? Write to {EMAIL}."
THOUGHT = f"They want the weather, and {EMAIL} is to know it."
LOOK = f"Let me look, and then write to {EMAIL}."
CALLS = [
    ("get_weather", {"city": "Lisboa", "days": 2, "place": {"lat": 38.72, "lon": -9.14}, "notify": [EMAIL, None]}),
    ("now", {}),
]
RESULTS = [f'{{"sky": "clear", "note": "ask with {KEY}"}}', "half past nine"]
DONE = f"Clear skies.\nI have written to {EMAIL}; the key {KEY} works, and so does the card {CARD}. 🙂"
OTHERWISE = "Clear skies, as far as I"

TOOLS = [
    {
        "name": "get_weather",
        "description": f"The weather; ask {EMAIL} when it fails.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Where"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city"],
        },
    },
    {"name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}},
]

_SMALL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
# The second is larger than what is kept of data.
IMAGES = [base64.b64decode(_SMALL), b"\x89PNG\r\n\x1a\n" + random.Random(22).randbytes(2000)]


def b64(data):
    return base64.b64encode(data).decode()


def pieces(said, length=5):
    """A text as it is streamed: what is planted comes in several pieces."""
    return [said[at : at + length] for at in range(0, len(said), length)]


def text(said):
    return {"type": "text", "content": said}


def thought(said):
    return {"type": "reasoning", "content": said}


def image(data, mime_type="image/png"):
    kind = {} if mime_type is None else {"mime_type": mime_type}
    return {"type": "blob", "modality": "image", **kind, "byte_size": len(data), "content": b64(data)}


def called(id, name, arguments):
    return {"type": "tool_call", **({} if id is None else {"id": id}), "name": name, "arguments": arguments}


def gave(id, response):
    return {"type": "tool_call_response", **({} if id is None else {"id": id}), "response": response}


def message(role, *parts, **more):
    return {"role": role, "parts": list(parts), **more}


def tools():
    return [{"type": "function", **tool} for tool in TOOLS]
