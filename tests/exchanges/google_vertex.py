"""Vertex AI: Google's models by Google's SDK, Claude by Anthropic's."""

import anthropic
import anthropic_messages
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials
from record import KEY, Answer, events

HOST = "us-central1-aiplatform.googleapis.com"
MODEL = "gemini-2.5-pro"
CLAUDE = "claude-sonnet-4-5@20250929"
PLACE = {"project": "my-project", "location": "us-central1"}
PROMPT = "What is the weather in Lisbon? prompt-canary"
VERSION = {"modelVersion": "gemini-2.5-pro-001", "responseId": "x1YaaYeKH9Ct2PgPv7Cb4A", "createTime": "2026-11-30"}
COUNTS = {
    "promptTokenCount": 12,
    "toolUsePromptTokenCount": 30,
    "candidatesTokenCount": 21,
    "thoughtsTokenCount": 40,
    "totalTokenCount": 103,
    "trafficType": "PROVISIONED_THROUGHPUT",
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 12}],
    "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 30}],
    "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 21}],
}
TOOL = types.FunctionDeclaration(
    name="get_weather", description="The weather", parameters_json_schema={"type": "object", "properties": {}}
)


def content(*parts, **more):
    return {"content": {"role": "model", "parts": list(parts)}, **more}


def generate(asked, model, streams):
    if model == "gemini-missing":
        error = {"code": 404, "message": "Publisher Model `prompt-canary` was not found.", "status": "NOT_FOUND"}
        return Answer({"error": error}, status=404)
    words = {"text": "Sunny. answer-canary"}
    use = {"functionCall": {"name": "get_weather", "args": {"city": "Lisbon"}}}
    last = {"candidates": [content(use, finishReason="STOP", avgLogprobs=-0.1)], "usageMetadata": COUNTS, **VERSION}
    if not streams:
        if "tools" not in asked:
            last["usageMetadata"] = {**COUNTS, "trafficType": "ON_DEMAND"}
        whole = {**last, "candidates": [content(words, use, finishReason="STOP")]}
        return Answer(whole, content_type="application/json; charset=UTF-8")
    first = {"candidates": [content(words)], "usageMetadata": {"trafficType": "PROVISIONED_THROUGHPUT"}, **VERSION}
    return Answer(events(first, last), content_type="text/event-stream")


def predict(model, asked):
    if model.startswith("imagen"):
        image = {"bytesBase64Encoded": "YW5zd2VyLWNhbmFyeQ==", "mimeType": "image/png"}
        return Answer({"predictions": [image, image]})
    statistics = [{"token_count": count, "truncated": False} for count in (3, 4)]
    vectors = [{"values": [0.25, -0.5, 0.125], "statistics": one} for one in statistics[: len(asked["instances"])]]
    return Answer({"predictions": [{"embeddings": one} for one in vectors], "metadata": {"billableCharacterCount": 26}})


def answer(request):
    asked, path = request.json(), request.path.partition("?")[0]
    model, _, method = path.rpartition("/")[2].rpartition(":")
    if method == "predict":
        return predict(model, asked)
    if method == "embedContent":
        usage = {"promptTokenCount": 5, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}]}
        return Answer({"embedding": {"values": [0.25, -0.5]}, "usageMetadata": usage, "truncated": False})
    if model == "claude-missing":
        error = {"code": 404, "message": "Publisher Model `prompt-canary` was not found.", "status": "NOT_FOUND"}
        return Answer({"error": error}, status=404)
    if method in ("rawPredict", "streamRawPredict"):
        return anthropic_messages.answer(request)
    return generate(asked, model, method == "streamGenerateContent")


def client(url):
    options = types.HttpOptions(base_url=url, timeout=20_000)
    return genai.Client(enterprise=True, credentials=Credentials(token=KEY), http_options=options, **PLACE)


def generated(url, model=MODEL, contents=PROMPT, **config):
    with client(url) as vertex:
        vertex.models.generate_content(model=model, contents=contents, config=types.GenerateContentConfig(**config))


def streamed(url):
    with client(url) as vertex:
        list(vertex.models.generate_content_stream(model=MODEL, contents=PROMPT))


def missing(url):
    try:
        generated(url, "gemini-missing")
    except errors.APIError:
        return


def embedded(url, model, contents):
    with client(url) as vertex:
        vertex.models.embed_content(model=model, contents=contents)


def drawn(url):
    with client(url) as vertex:
        config = types.GenerateImagesConfig(number_of_images=2, seed=7, add_watermark=False)
        vertex.models.generate_images(model="imagen-4.0-generate-001", prompt="prompt-canary", config=config)


def claude(url):
    place = {"project_id": PLACE["project"], "region": PLACE["location"]}
    return anthropic.AnthropicVertex(base_url=url + "/v1", access_token=KEY, max_retries=0, **place)


MESSAGE = {"model": CLAUDE, "max_tokens": 1024, "messages": anthropic_messages.MESSAGES}


def claude_streamed(url):
    with claude(url).messages.stream(**MESSAGE, tools=[anthropic_messages.TOOL]) as stream:
        stream.get_final_message()


def claude_missing(url):
    try:
        claude(url).messages.create(**{**MESSAGE, "model": "claude-missing"})
    except anthropic.APIStatusError:
        return


VIDEO = types.Part.from_uri(file_uri="gs://prompt-canary/film.mp4", mime_type="video/mp4")
SOUND = types.Part.from_bytes(data=b"RIFFprompt-canary", mime_type="audio/wav")

CALLS = {
    "generate": lambda url: generated(url, tools=[types.Tool(function_declarations=[TOOL])], max_output_tokens=64),
    "media": lambda url: generated(url, contents=[PROMPT, VIDEO, SOUND]),
    "stream": streamed,
    "missing": missing,
    "embeddings": lambda url: embedded(url, "text-embedding-005", ["prompt-canary", "prompt-canary too"]),
    "embedding": lambda url: embedded(url, "gemini-embedding-2", "prompt-canary"),
    "images": drawn,
    "claude": lambda url: claude(url).messages.create(**MESSAGE),
    "claude_stream": claude_streamed,
    "claude_missing": claude_missing,
}
