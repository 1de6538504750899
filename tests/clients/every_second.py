"""A chat completion through the openai SDK each second, until this is killed."""

import time

import openai
from common import KEY, options, parameters, report

chosen = options()
client = openai.OpenAI(base_url=chosen.base_url, api_key=KEY, max_retries=0)

while True:
    started_ns = time.time_ns()
    report(started_ns, answer=client.chat.completions.create(**parameters(chosen)).model_dump())
    time.sleep(1)
