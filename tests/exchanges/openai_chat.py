"""OpenAI's chat completions by its own SDK."""

import openai
from record import KEY, Answer, events

HOST = "api.openai.com"
MODEL = "gpt-4o-mini-2024-07-18"
MESSAGES = [{"role": "user", "content": "What is the weather in Lisbon? prompt-canary"}]
IMAGE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
SEEN = [
    {
        "role": "user",
        "content": [{"type": "text", "text": "And here?"}, {"type": "image_url", "image_url": {"url": IMAGE}}],
    }
]
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
USAGE = {
    "prompt_tokens": 82,
    "completion_tokens": 40,
    "total_tokens": 122,
    "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 16, "audio_tokens": 0},
}


def common(kind):
    return {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": kind,
        "created": 1_760_000_000,
        "model": MODEL,
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
    }


def called(number, arguments):
    function = {"name": "get_weather", "arguments": arguments}
    return {"index": number, "id": f"call_{number}", "type": "function", "function": function}


def completion(asked):
    text = {"role": "assistant", "content": "It is sunny. answer-canary", "refusal": None}
    choices = [
        {"index": 0, "message": text, "logprobs": None, "finish_reason": "stop"},
        {"index": 1, "message": text, "logprobs": None, "finish_reason": "length"},
    ]
    if wants_tools(asked):
        wanted = {**text, "content": None, "tool_calls": [called(0, '{"city":"Lisbon"}')]}
        choices = [{**choices[0], "message": wanted, "finish_reason": "tool_calls"}]
    return {**common("chat.completion"), "choices": choices[: asked.get("n") or 1], "usage": USAGE}


def wants_tools(asked):
    """Whether tools are offered, and none has been run yet."""
    return bool(asked.get("tools")) and not any(message["role"] == "tool" for message in asked["messages"])


def chunk(delta=None, finish_reason=None, usage=None):
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
    return {**common("chat.completion.chunk"), "choices": choices, "usage": usage}


def fragment(number, arguments):
    return {"tool_calls": [{"index": number, "function": {"arguments": arguments}}]}


def stream(asked):
    if not wants_tools(asked):
        words = chunk({"role": "assistant", "content": "It is sunny."}), chunk({"content": " answer-canary"})
        return events(*words, chunk({}, "stop"), chunk(usage=USAGE), done=True)
    return events(
        chunk({"role": "assistant", "content": None, "tool_calls": [called(0, "")]}),
        chunk(fragment(0, '{"city":')),
        chunk(fragment(0, '"Lisbon"}')),
        chunk({"tool_calls": [called(1, "")]}),
        chunk(fragment(1, '{"city":"Porto"}')),
        chunk({}, "tool_calls"),
        chunk(usage=USAGE),
        done=True,
    )


def answer(request):
    asked = request.json()
    if asked.get("model") == "limited":
        error = {"message": "Rate limit: prompt-canary", "type": "tokens", "param": None, "code": "rate_limit_exceeded"}
        headers = {"retry-after-ms": "20", "x-ratelimit-remaining-tokens": "0", "x-request-id": "req_1"}
        return Answer({"error": error}, status=429, headers=headers)
    if asked.get("stream"):
        return Answer(stream(asked), content_type="text/event-stream; charset=utf-8")
    return Answer(completion(asked))


def chat(url, **asked):
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)
    return client.chat.completions.create(**{"model": "gpt-4o-mini", "messages": MESSAGES, **asked})


def limited(url):
    try:
        chat(url, model="limited")
    except openai.RateLimitError:
        return


CALLS = {
    "completion": lambda url: chat(url, n=2, temperature=0.2, seed=7, stop=["END"], max_completion_tokens=99),
    "stream": lambda url: list(chat(url, stream=True, stream_options={"include_usage": True}, tools=[TOOL])),
    "image": lambda url: chat(url, messages=SEEN),
    "limited": limited,
}
