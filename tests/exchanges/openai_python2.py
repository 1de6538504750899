"""OpenAI's APIs by its SDK 2.x, alone and beneath LangChain and Haystack: of an environment of their own."""

import openai_chat
import openai_others
from record import Answer, events, program

HOST = "api.openai.com"
AZURE = "my-resource.openai.azure.com"
HOSTS = {"azure": AZURE}
SAFE = {"hate": {"filtered": False, "severity": "safe"}}


def answer(request):
    if "/deployments/" in request.path:
        return azure(request.json())
    api = openai_chat if request.path.endswith("/chat/completions") else openai_others
    return api.answer(request)


def azure(asked):
    """What Azure's filter says goes with the answer: in a stream before all."""
    prompt = {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}]}
    if asked.get("stream"):
        first = {**openai_chat.chunk(), "id": "", "model": "", "created": 0, **prompt}
        return Answer(events(first) + openai_chat.stream(asked), content_type="text/event-stream; charset=utf-8")
    whole = openai_chat.completion(asked)
    return Answer({**whole, **prompt, "choices": [{**one, "content_filter_results": SAFE} for one in whole["choices"]]})


def together(calls):
    program("openai2", "openai_python2_sdks.py", *[word for call in calls for word in call])


def sdk(name):
    return lambda url: together([(name, url)])


CALLS = {
    name: sdk(name)
    for name in (
        "chat",
        "chat_async",
        "stream",
        "stream_async",
        "tools",
        "limited",
        "response",
        "response_stream",
        "embeddings",
        "azure",
        "langchain",
        "langchain_stream",
        "langchain_tool",
        "haystack",
    )
}
