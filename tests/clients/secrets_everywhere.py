"""Puts a secret into every place that requests have, by the openai SDK and by hand.

    secrets_everywhere.py --base-url URL --plan FILE [WORD…]

The plan says for each place what is put there, a value of one class in all of them: {"canary": …, "class": …,
"places": {PLACE: SECRET}}. What else stands on the command line is itself such a place. A secret of several lines goes
where lines may go.
"""

import argparse
import base64
import http.client
import json
import struct
import urllib.parse
import zlib

import openai
from common import KEY

parser = argparse.ArgumentParser()
parser.add_argument("--base-url", required=True)
parser.add_argument("--plan", required=True)
parser.add_argument("words", nargs="*")
chosen = parser.parse_args()
with open(chosen.plan, encoding="utf-8") as file:
    plan = json.load(file)
CANARY, PLACES = plan["canary"], plan["places"]
FUNCTION = {"type": "object", "properties": {"note": {"type": "string"}}}
used = set()


def put(place):
    """The secret of a place."""
    used.add(place)
    return PLACES[place]


def text(place, form=str):
    """A message."""
    return f"{CANARY} {place}: the {plan['class']} is {form(put(place))} as said"


def every_byte(secret):
    return "".join(f"%{byte:02X}" for byte in secret.encode())


def encoded(secret):
    return base64.b64encode(f"note to self: {secret} (keep)".encode()).decode()


def picture(secret):
    """A picture of one dot, with a comment."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    dot = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) + chunk(b"tEXt", b"Comment\0" + secret.encode())
    data = b"\x89PNG\r\n\x1a\n" + dot + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(data).decode()


def document(secret):
    return "data:text/plain;base64," + base64.b64encode(f"to whom it may concern: {secret}\n".encode()).decode()


def one_line(secret):
    """For a header, which has no lines."""
    return secret.replace("\n", " ")


def segment(secret):
    """For a URL."""
    return urllib.parse.quote(secret, safe="@")


def headers():
    return {
        "x-api-key": one_line(put("header-x-api-key")),
        "cookie": f"session={one_line(put('header-cookie'))}; theme=dark",
        "x-custom-thing": one_line(put("header-custom")),
        "tracestate": f"vendor={one_line(put('tracestate'))}".replace(",", "_"),
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "baggage": f"user={segment(put('baggage'))}",
        "user-agent": f"thing/1.0 ({one_line(put('header-user-agent'))})",
    }


def tool(name, description=None, parameters=FUNCTION):
    return {"type": "function", "function": {"name": name, "description": description or "keeps notes", "parameters": parameters}}


def by_sdk():
    client = openai.OpenAI(base_url=chosen.base_url, api_key=KEY, max_retries=0)
    model = f"standin-echo {put('model')}"
    client.chat.completions.create(
        model=model,
        messages=[
            {"role": "system", "content": text("system")},
            {"role": "user", "content": text("message-plain"), "name": put("message-name")},
            {"role": "user", "content": text("message-base64", encoded)},
            {"role": "user", "content": text("message-url", every_byte)},
            {"role": "user", "content": [
                {"type": "text", "text": text("message-part")},
                {"type": "image_url", "image_url": {"url": picture(put("image"))}},
                {"type": "image_url", "image_url": {"url": document(put("data-url"))}},
                {"type": "image_url", "image_url": {"url": f"https://pictures.example/{segment(put('image-url'))}.png"}},
            ]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": put("call-id"), "type": "function", "function": {
                    "name": put("called-name"),
                    "arguments": json.dumps({"note": text("tool-arguments"), put("tool-arguments-key"): 1}),
                }},
            ]},
            {"role": "tool", "tool_call_id": put("call-id"), "content": text("tool-result")},
            {"role": "user", "content": text("answer-whole")},
        ],
        user=put("user"),
        metadata={"owner": put("metadata"), put("metadata-key"): "x"},
        stop=[put("stop")],
        extra_headers=headers(),
        extra_body={"prompt_cache_key": put("prompt-cache-key"), "safety_identifier": put("safety-identifier")},
    )  # fmt: skip
    with client.chat.completions.create(
        model="standin-echo",
        messages=[{"role": "user", "content": text("answer-streamed")}],
        stream=True,
        stream_options={"include_usage": True},
    ) as events:
        for _ in events:
            pass
    parameters = {"type": "object", "properties": {put("tool-schema-key"): {"type": "string", "description": text("tool-schema")}}}
    client.chat.completions.create(
        model="standin-echo",
        messages=[{"role": "user", "content": text("answer-tool")}],
        tools=[tool(put("tool-name"), text("tool-description"), parameters)],
    )
    with client.chat.completions.create(
        model="standin-echo",
        messages=[{"role": "user", "content": text("answer-tool-streamed")}],
        tools=[tool("notes")],
        stream=True,
    ) as events:
        for _ in events:
            pass
    with client.responses.with_streaming_response.create(
        model="standin-response",
        instructions=text("instructions"),
        input=text("response-input"),
        extra_body={
            "conversation": put("conversation"),
            "prompt": {"id": put("prompt-id"), "variables": {"who": put("prompt-variable")}},
            "metadata": {"owner": put("response-metadata")},
        },
    ) as response:
        response.read()
    try:
        client.chat.completions.create(
            model="standin-echo-refused", messages=[{"role": "user", "content": text("error")}]
        )
    except openai.BadRequestError:
        pass


def by_hand():
    address = urllib.parse.urlsplit(chosen.base_url)
    if address.scheme == "https":
        connection = http.client.HTTPSConnection(address.hostname, address.port)
    else:
        connection = http.client.HTTPConnection(address.hostname, address.port)

    def post(path, body, more=None):
        more = {"host": address.netloc, **(more or {})}
        body = body if isinstance(body, str) else json.dumps(body)
        connection.request("POST", path, body.encode(), {"content-type": "application/json", **more})
        connection.getresponse().read()

    def asked(content):
        return {"model": "standin-echo", "messages": [{"role": "user", "content": content}]}

    bearer = {"authorization": f"Bearer {one_line(put('header-authorization'))}"}
    post("/v1/chat/completions", asked(f"{CANARY} headers"), bearer)
    post(f"/v1/{segment(put('path'))}/chat/completions", asked(f"{CANARY} path"))
    post(f"/v1/{every_byte(put('path-escaped'))}/chat/completions", asked(f"{CANARY} path"))
    post(f"/v1/chat/completions?who={segment(put('query'))}&{segment(put('query-name'))}=1", asked(f"{CANARY} query"))
    userinfo = f"{address.scheme}://{segment(put('user-info'))}:{segment(put('user-info-password'))}@{address.netloc}"
    post(f"{userinfo}/v1/chat/completions", asked(f"{CANARY} user info"))
    post("/v1/chat/completions", asked(f"{CANARY} host"), {"host": one_line(put("host")).replace(" ", ".")})
    # Every character by its number, as JSON allows.
    escapes = "".join(f"\\u{ord(char):04x}" for char in put("message-escaped"))
    post("/v1/chat/completions", json.dumps(asked(text("message-escaped", lambda _: "@@"))).replace("@@", escapes))
    conditions = [{"key": put("vector-key"), "match": {"value": put("vector-filter")}}, {"key": "id", "match": {"value": put("vector-id")}}]
    query = {"query": {"text": text("vector-query"), "model": "some/model"}, "filter": {"must": conditions}, "limit": 3}
    post(f"/collections/{segment(put('vector-collection'))}/points/query", {**query, "with_payload": True})


by_sdk()
by_hand()
print(json.dumps({"id": None, "input_tokens": None, "output_tokens": None, "error": None}), flush=True)
# Places of the process itself were used by whoever started it.
left = set(PLACES) - used - set(plan["outside"])
assert not left, left
