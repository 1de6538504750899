"""AWS Bedrock's runtime by its own SDK: Converse, and InvokeModel with the formats of several vendors' models."""

import base64
import json
import urllib.parse

import anthropic
import anthropic_messages
import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError
from record import KEY, Answer, frame

HOST = "bedrock-runtime.us-east-1.amazonaws.com"
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4"
PROMPT = "What is the weather in Lisbon? prompt-canary"
PIXEL = b"\x89PNG\r\n\x1a\nprompt-canary"
FIELDS = {"x-amzn-requestid": "0a5cc6b2-6f6b-4f0e-9a53-6d8f2f2f6c11"}
TOOL = {"toolSpec": {"name": "get_weather", "description": "The weather", "inputSchema": {"json": {"type": "object"}}}}
USAGE = {
    "inputTokens": 12,
    "outputTokens": 57,
    "totalTokens": 299,
    "cacheReadInputTokens": 200,
    "cacheWriteInputTokens": 30,
    "cacheDetails": [{"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 10}],
}
USE = {"toolUse": {"toolUseId": "tooluse_01", "name": "get_weather", "input": {"city": "answer-canary"}}}


def streamed(*frames, **fields):
    return Answer(list(frames), content_type="application/vnd.amazon.eventstream", headers={**FIELDS, **fields})


def chunk(event):
    event = base64.b64encode(json.dumps(event).encode()).decode()
    return frame({"bytes": event, "p": "abcdefgh"}, event_type="chunk")


def failure(status, kind):
    fields = {**FIELDS, "x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    return Answer({"message": "Too many requests: prompt-canary"}, status=status, headers=fields)


def converse(asked, model):
    if model == "busy":
        return failure(429, "ThrottlingException")
    if model == "guarded":
        message = {"role": "assistant", "content": [{"text": "I cannot say. answer-canary"}]}
        usage = {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
        body = {"output": {"message": message}, "stopReason": "guardrail_intervened", "usage": usage}
        return Answer({**body, "metrics": {"latencyMs": 20}}, headers=FIELDS)
    content = [{"text": "Let me look. answer-canary"}]
    if "toolConfig" in asked:
        # The second runs at the server.
        content += [USE, {"toolUse": {**USE["toolUse"], "toolUseId": "tooluse_02", "type": "server_tool_use"}}]
    message = {"role": "assistant", "content": content}
    reason = "tool_use" if "toolConfig" in asked else "max_tokens"
    body = {"output": {"message": message}, "stopReason": reason, "usage": USAGE, "metrics": {"latencyMs": 551}}
    return Answer({**body, "serviceTier": {"type": "priority"}}, headers=FIELDS)


def converse_stream(asked, model):
    delta = {"contentBlockIndex": 0, "delta": {"text": "Let me look. answer-canary"}}
    frames = [frame({"role": "assistant"}, event_type="messageStart"), frame(delta, event_type="contentBlockDelta")]
    if model == "failing":
        error = {"message": "Slow down: prompt-canary"}
        return streamed(*frames, frame(error, message_type="exception", exception_type="throttlingException"))
    start = {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "tooluse_01", "name": "get_weather"}}}
    input = {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"city": "answer-canary"}'}}}
    metadata = {"usage": USAGE, "metrics": {"latencyMs": 551}, "serviceTier": {"type": "flex"}}
    return streamed(
        *frames,
        frame({"contentBlockIndex": 0}, event_type="contentBlockStop"),
        frame(start, event_type="contentBlockStart"),
        frame(input, event_type="contentBlockDelta"),
        frame({"contentBlockIndex": 1}, event_type="contentBlockStop"),
        frame({"stopReason": "tool_use"}, event_type="messageStop"),
        frame(metadata, event_type="metadata"),
    )


def counted(answer, input=None, output=None):
    fields = {"x-amzn-bedrock-input-token-count": input, "x-amzn-bedrock-output-token-count": output}
    fields = {name: str(count) for name, count in fields.items() if count is not None}
    return Answer(answer, headers={**FIELDS, "x-amzn-bedrock-invocation-latency": "551", **fields})


def invoke(asked, model):
    if "anthropic" in model:
        message = anthropic_messages.message([anthropic_messages.TEXT], "end_turn", anthropic_messages.USAGE)
        return counted(message, 12, 57)
    if "llama" in model:
        counts = {"prompt_token_count": 25, "generation_token_count": 64, "stop_reason": "length"}
        return counted({"generation": "answer-canary", **counts}, 25, 64)
    if "titan-embed" in model:
        return counted({"embedding": [0.25, -0.5, 0.125], "inputTextTokenCount": 5}, 5)
    if "titan-text" in model:
        result = {"tokenCount": 31, "outputText": "answer-canary", "completionReason": "FINISH"}
        return counted({"inputTextTokenCount": 9, "results": [result]}, 9, 31)
    if "nova" in model:
        content = [{"text": "answer-canary"}, USE]
        usage = {"inputTokens": 12, "outputTokens": 57, "cacheReadInputTokenCount": 4, "cacheWriteInputTokenCount": 0}
        body = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "tool_use"}
        return counted({**body, "usage": usage}, 12, 57)
    if "cohere.embed" in model:
        vectors = {"float": [[0.25, -0.5] for _ in asked["texts"]]}
        body = {"id": "54910170-852f", "texts": asked["texts"], "embeddings": vectors}
        return counted({**body, "response_type": "embeddings_by_type"}, 8)
    if "mistral" in model:
        return counted({"outputs": [{"text": "answer-canary", "stop_reason": "stop"}]}, 11, 22)
    if "rerank" in model:
        return counted({"results": [{"index": 1, "relevance_score": 0.93}, {"index": 0, "relevance_score": 0.02}]})
    if model == "unknown":
        return failure(400, "ValidationException")
    # OpenAI's open models.
    message = {"role": "assistant", "content": "answer-canary"}
    usage = {"prompt_tokens": 78, "completion_tokens": 40, "total_tokens": 118}
    body = {"id": "chatcmpl-7", "object": "chat.completion", "model": model, "usage": usage}
    return counted({**body, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}, 78, 40)


def invoke_stream(asked, model):
    metrics = {"inputTokenCount": 12, "outputTokenCount": 57, "invocationLatency": 551, "firstByteLatency": 321}
    if "anthropic" in model or model == PROFILE:
        events = [json.loads(event.partition(b"data: ")[2]) for event in anthropic_messages.stream()]
    elif "nova" in model:
        events = [
            {"messageStart": {"role": "assistant"}},
            {"contentBlockDelta": {"delta": {"text": "answer-canary"}, "contentBlockIndex": 0}},
            {"contentBlockStop": {"contentBlockIndex": 0}},
            {"messageStop": {"stopReason": "end_turn"}},
            {"metadata": {"usage": {"inputTokens": 12, "outputTokens": 57}, "metrics": {}, "trace": {}}},
        ]
    elif "mistral" in model:
        events = [
            {"outputs": [{"text": "answer-", "stop_reason": None}]},
            {"outputs": [{"text": "canary", "stop_reason": "length"}]},
        ]
    else:
        events = [
            {"generation": "answer-", "prompt_token_count": 12, "generation_token_count": 1, "stop_reason": None},
            {"generation": "canary", "prompt_token_count": None, "generation_token_count": 57, "stop_reason": "stop"},
        ]
    events[-1]["amazon-bedrock-invocationMetrics"] = metrics
    return streamed(*map(chunk, events), **{"x-amzn-bedrock-content-type": "application/json"})


def answer(request):
    asked, path = request.json(), request.path.partition("?")[0]
    model, operation = path.rsplit("/", 2)[1:]
    operations = {
        "converse": converse,
        "converse-stream": converse_stream,
        "invoke": invoke,
        "invoke-with-response-stream": invoke_stream,
    }
    return operations[operation](asked, urllib.parse.unquote(model))


def client(url):
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="AKIACANARY",
        aws_secret_access_key=KEY,
        config=Config(retries={"total_max_attempts": 1}),
    )


def conversed(url, model=CLAUDE, content=(), **more):
    messages = [{"role": "user", "content": [{"text": PROMPT}, *content]}]
    try:
        client(url).converse(modelId=model, messages=messages, **more)
    except ClientError:
        return


def conversed_in_stream(url, model=CLAUDE, **more):
    messages = [{"role": "user", "content": [{"text": PROMPT}]}]
    try:
        list(client(url).converse_stream(modelId=model, messages=messages, **more)["stream"])
    except EventStreamError:
        return


def invoked(url, model, body, **more):
    try:
        client(url).invoke_model(modelId=model, body=json.dumps(body), **more)["body"].read()
    except ClientError:
        return


def invoked_in_stream(url, model, body):
    list(client(url).invoke_model_with_response_stream(modelId=model, body=json.dumps(body))["body"])


def by_key(url):
    """As those ask who have an API key of Bedrock, and no SDK."""
    body = {"messages": [{"role": "user", "content": [{"text": PROMPT}]}]}
    with httpx.Client(timeout=20) as plain:
        path = f"/model/{urllib.parse.quote(CLAUDE)}/converse"
        plain.post(url + path, json=body, headers={"authorization": f"Bearer {KEY}"})


def claude(url):
    """Anthropic's own SDK, with an API key of Bedrock."""
    return anthropic.AnthropicBedrock(aws_region="us-east-1", api_key=KEY, base_url=url, max_retries=0)


def claude_streamed(url):
    with claude(url).messages.stream(**{**CLAUDE_MESSAGE, "model": PROFILE}) as stream:
        stream.get_final_message()


def claude_missing(url):
    try:
        claude(url).messages.create(**{**CLAUDE_MESSAGE, "model": "unknown"})
    except anthropic.APIStatusError:
        return


CLAUDE_MESSAGE = {"model": CLAUDE, "max_tokens": 1024, "messages": anthropic_messages.MESSAGES}
SETTINGS = {
    "system": [{"text": "Be kind. prompt-canary"}],
    "inferenceConfig": {"maxTokens": 512, "temperature": 0.2, "topP": 0.9, "stopSequences": ["END"]},
    "additionalModelRequestFields": {"top_k": 40},
    "guardrailConfig": {"guardrailIdentifier": "gr-7abc", "guardrailVersion": "1"},
}
PICTURE = {"image": {"format": "png", "source": {"bytes": PIXEL}}}
PAPER = {"document": {"format": "pdf", "name": "prompt-canary", "source": {"bytes": b"%PDF-prompt-canary"}}}
FILM = {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://prompt-canary/film.mp4"}}}}
TOOLS = {"toolConfig": {"tools": [TOOL]}}
ANTHROPIC = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1024, "messages": anthropic_messages.MESSAGES}
NOVA = {
    "schemaVersion": "messages-v1",
    "messages": [{"role": "user", "content": [{"text": PROMPT}]}],
    "inferenceConfig": {"maxTokens": 300, "topP": 0.9, "topK": 20, "temperature": 0.7},
}
TITAN = {"inputText": PROMPT, "textGenerationConfig": {"maxTokenCount": 512, "temperature": 0.5, "topP": 0.9}}
LLAMA = {"prompt": PROMPT, "max_gen_len": 64, "temperature": 0.5, "top_p": 0.9}
MISTRAL = {"prompt": f"<s>[INST] {PROMPT} [/INST]", "max_tokens": 200, "temperature": 0.5, "top_p": 0.9, "top_k": 50}
OPEN = {"model": "openai.gpt-oss-20b-1:0", "messages": [{"role": "user", "content": PROMPT}], "max_completion_tokens": 150}
TITAN_VECTOR = {"inputText": "prompt-canary", "dimensions": 3, "normalize": True}
COHERE_VECTORS = {"texts": ["prompt-canary", "prompt-canary too"], "input_type": "search_document"}
RERANK = {"query": "prompt-canary", "documents": ["prompt-canary one", "prompt-canary two"], "top_n": 2, "api_version": 2}

CALLS = {
    "converse": lambda url: conversed(url, **SETTINGS),
    "converse_media": lambda url: conversed(url, PROFILE, [PICTURE, PAPER, FILM], **TOOLS),
    "converse_guarded": lambda url: conversed(url, "guarded", guardrailConfig=SETTINGS["guardrailConfig"]),
    "converse_busy": lambda url: conversed(url, "busy"),
    "converse_by_key": by_key,
    "converse_stream": lambda url: conversed_in_stream(url, **TOOLS, serviceTier={"type": "flex"}),
    "converse_stream_fails": lambda url: conversed_in_stream(url, "failing"),
    "invoke_anthropic": lambda url: invoked(url, CLAUDE, ANTHROPIC, guardrailIdentifier="gr-7abc", guardrailVersion="1"),
    "invoke_nova": lambda url: invoked(url, "amazon.nova-pro-v1:0", NOVA),
    "invoke_titan": lambda url: invoked(url, "amazon.titan-text-premier-v1:0", TITAN),
    "invoke_llama": lambda url: invoked(url, "meta.llama3-8b-instruct-v1:0", LLAMA),
    "invoke_mistral": lambda url: invoked(url, "mistral.mistral-7b-instruct-v0:2", MISTRAL),
    "invoke_openai": lambda url: invoked(url, "openai.gpt-oss-20b-1:0", OPEN),
    "invoke_unknown": lambda url: invoked(url, "unknown", LLAMA),
    "embed_titan": lambda url: invoked(url, "amazon.titan-embed-text-v2:0", TITAN_VECTOR),
    "embed_cohere": lambda url: invoked(url, "cohere.embed-english-v3", {**COHERE_VECTORS, "embedding_types": ["float"]}),
    "rerank": lambda url: invoked(url, "cohere.rerank-v3-5:0", RERANK),
    "invoke_stream_anthropic": lambda url: invoked_in_stream(url, CLAUDE, ANTHROPIC),
    "invoke_stream_nova": lambda url: invoked_in_stream(url, "amazon.nova-pro-v1:0", NOVA),
    "invoke_stream_llama": lambda url: invoked_in_stream(url, "meta.llama3-8b-instruct-v1:0", LLAMA),
    "invoke_stream_mistral": lambda url: invoked_in_stream(url, "mistral.mistral-7b-instruct-v0:2", MISTRAL),
    "claude": lambda url: claude(url).messages.create(**CLAUDE_MESSAGE),
    "claude_stream": claude_streamed,
    "claude_missing": claude_missing,
}
