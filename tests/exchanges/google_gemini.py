"""Google's Gemini API by its own SDK, and by bare REST."""

import json

import httpx
from google import genai
from google.genai import errors, types
from record import KEY, Answer, events

HOST = "generativelanguage.googleapis.com"
MODEL = "gemini-2.5-flash"
PROMPT = "What is the weather in Lisbon? prompt-canary"
PIXEL = b"\x89PNG\r\n\x1a\nprompt-canary"
VERSION = {"modelVersion": "gemini-2.5-flash-preview-09-2025", "responseId": "jL0saarmFoqPxN8PvqXR4Ag"}
COUNTS = {
    "promptTokenCount": 264,
    "cachedContentTokenCount": 200,
    "candidatesTokenCount": 21,
    "thoughtsTokenCount": 40,
    "totalTokenCount": 325,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 6}, {"modality": "IMAGE", "tokenCount": 258}],
    "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 200}],
    "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 21}],
}
CALLS_TOOLS = [
    {"functionCall": {"name": "get_weather", "args": {"city": "Lisbon", "note": "answer-canary"}}},
    {"functionCall": {"id": "call-7", "name": "get_time", "args": {"city": "Lisbon"}}},
]
TOOL = types.FunctionDeclaration(
    name="get_weather", description="The weather", parameters_json_schema={"type": "object", "properties": {}}
)


def candidate(*parts, reason=None, index=0):
    found = {"content": {"role": "model", "parts": list(parts)}, "index": index}
    return found if reason is None else {**found, "finishReason": reason}


def text(words):
    return {"text": words}


def refusal(code, status):
    return {"error": {"code": code, "message": f"{status}: prompt-canary", "status": status}}


def generate(asked, model):
    prompt = json.dumps(asked["contents"])
    if model == "busy":
        return Answer(refusal(429, "RESOURCE_EXHAUSTED"), status=429)
    if "forbidden" in prompt:
        blocked = {"blockReason": "PROHIBITED_CONTENT"}
        usage = {"promptTokenCount": 9, "totalTokenCount": 9}
        return Answer({"promptFeedback": blocked, "usageMetadata": usage, **VERSION})
    if asked.get("tools"):
        return Answer({"candidates": [candidate(*CALLS_TOOLS, reason="STOP")], "usageMetadata": COUNTS, **VERSION})
    if asked.get("generationConfig", {}).get("responseModalities"):
        image = {"inlineData": {"mimeType": "image/png", "data": "YW5zd2VyLWNhbmFyeQ=="}}
        counts = {"promptTokenCount": 6, "candidatesTokenCount": 1290, "totalTokenCount": 1296}
        details = {"candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}]}
        return Answer({"candidates": [candidate(image, reason="STOP")], "usageMetadata": counts | details, **VERSION})
    choices = asked.get("generationConfig", {}).get("candidateCount", 1)
    reasons = ["STOP", "MAX_TOKENS"]
    found = [candidate(text("Sunny. answer-canary"), reason=reasons[at], index=at) for at in range(choices)]
    body = {"candidates": found, "usageMetadata": COUNTS, **VERSION}
    return Answer(body, headers={"x-gemini-service-tier": "standard"})


def stream():
    prompt = {"promptTokenCount": 264, "totalTokenCount": 264}
    return [
        {"candidates": [candidate(text("Let me look."))], "usageMetadata": prompt, **VERSION},
        {"candidates": [candidate(text(" answer-canary"), CALLS_TOOLS[0])], "usageMetadata": prompt, **VERSION},
        {"candidates": [candidate(text(""), reason="STOP")], "usageMetadata": COUNTS, **VERSION},
    ]


def answer(request):
    asked, path = request.json(), request.path.partition("?")[0]
    model = path.rpartition("/")[2].partition(":")[0]
    if path.endswith(":batchEmbedContents"):
        return Answer({"embeddings": [{"values": [0.25, -0.5, 0.125]} for _ in asked["requests"]]})
    if path.endswith(":embedContent"):
        usage = {"promptTokenCount": 5, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}]}
        return Answer({"embedding": {"values": [0.25, -0.5]}, "usageMetadata": usage})
    if path.endswith(":generateContent"):
        return generate(asked, model)
    if "alt=sse" in request.path:
        last = [refusal(503, "UNAVAILABLE")] if model == "failing" else stream()[1:]
        return Answer(events(stream()[0], *last), content_type="text/event-stream")
    if model == "busy":
        return Answer([json.dumps([refusal(503, "UNAVAILABLE")], indent=2).encode()], status=503)
    # A list, of which each element comes when it is there.
    pieces = [json.dumps(document, indent=2).encode() for document in stream()]
    return Answer([b"[" + pieces[0], *(b"\n,\r\n" + piece for piece in pieces[1:]), b"\n]\n"])


def client(url):
    options = types.HttpOptions(base_url=url, timeout=20_000)
    return genai.Client(api_key=KEY, enterprise=False, http_options=options)


def generated(url, contents=PROMPT, model=MODEL, **config):
    with client(url) as gemini:
        gemini.models.generate_content(
            model=model, contents=contents, config=types.GenerateContentConfig(**config)
        )


def refused(call):
    try:
        call()
    except errors.APIError:
        return


def streamed(url, model=MODEL):
    with client(url) as gemini:
        list(gemini.models.generate_content_stream(model=model, contents=PROMPT))


def embedded(url):
    config = types.EmbedContentConfig(output_dimensionality=3)
    with client(url) as gemini:
        gemini.models.embed_content(
            model="gemini-embedding-001", contents=["prompt-canary", "prompt-canary too"], config=config
        )


def rest(url, method, body, model=MODEL):
    """As those ask who have no SDK, with the key in the query."""
    target = f"{url}/v1beta/models/{model}:{method}"
    with httpx.Client(timeout=20) as plain, plain.stream("POST", target, params={"key": KEY}, json=body) as response:
        response.read()


SETTINGS = {
    "temperature": 0.2,
    "top_p": 0.9,
    "top_k": 40,
    "candidate_count": 2,
    "max_output_tokens": 128,
    "stop_sequences": ["END"],
    "seed": 7,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.3,
    "response_mime_type": "application/json",
    "thinking_config": types.ThinkingConfig(thinking_level="LOW"),
    "system_instruction": "Be kind. prompt-canary",
}
IMAGE = types.Part.from_bytes(data=PIXEL, mime_type="image/png")
FILE = types.Part.from_uri(file_uri="https://example.com/prompt-canary.pdf", mime_type="application/pdf")
ASKED = {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]}

CALLS = {
    "generate": lambda url: generated(url, **SETTINGS),
    "image": lambda url: generated(url, [PROMPT, IMAGE, FILE]),
    "tools": lambda url: generated(url, tools=[types.Tool(function_declarations=[TOOL])]),
    "draw": lambda url: generated(url, response_modalities=["IMAGE"]),
    "blocked": lambda url: generated(url, "forbidden prompt-canary"),
    "busy": lambda url: refused(lambda: generated(url, model="busy")),
    "stream": streamed,
    "stream_fails": lambda url: refused(lambda: streamed(url, "failing")),
    "list": lambda url: rest(url, "streamGenerateContent", ASKED),
    "list_busy": lambda url: rest(url, "streamGenerateContent", ASKED, "busy"),
    "embeddings": embedded,
    "embedding": lambda url: rest(
        url, "embedContent", {"content": {"parts": [{"text": "prompt-canary"}]}}, "gemini-embedding-001"
    ),
}
