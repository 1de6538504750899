"""Chat completions through the openai SDK, one after another or from several threads."""

import threading
import time

import openai
from common import KEY, options, parameters, report

chosen = options()
client = openai.OpenAI(base_url=chosen.base_url, api_key=KEY, max_retries=chosen.max_retries)


def streamed():
    answer = {}
    with client.chat.completions.create(**parameters(chosen)) as events:
        for event in events:
            answer["id"] = event.id
            if event.usage:
                answer["usage"] = event.usage.model_dump()
            if chosen.abandon:
                break
    return answer


def whole():
    return client.chat.completions.create(**parameters(chosen)).model_dump()


def work():
    for _ in range(chosen.count):
        started_ns = time.time_ns()
        try:
            report(started_ns, answer=streamed() if chosen.stream else whole())
        # What the transport throws in the middle of a stream is not wrapped by the SDK.
        except Exception as error:
            report(started_ns, error=error)


threads = [threading.Thread(target=work) for _ in range(chosen.threads)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
