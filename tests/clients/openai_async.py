"""Chat completions through the openai SDK's asynchronous client, all of them at once."""

import asyncio
import time

import openai
from common import KEY, options, parameters, report

chosen = options()


async def call(client):
    started_ns = time.time_ns()
    answer = {}
    try:
        result = await client.chat.completions.create(**parameters(chosen))
        if chosen.stream:
            async for event in result:
                answer["id"] = event.id
                if event.usage:
                    answer["usage"] = event.usage.model_dump()
        else:
            answer = result.model_dump()
    except openai.OpenAIError as error:
        return report(started_ns, error=error)
    report(started_ns, answer=answer)


async def main():
    async with openai.AsyncOpenAI(
        base_url=chosen.base_url, api_key=KEY, max_retries=chosen.max_retries
    ) as client:
        await asyncio.gather(*(call(client) for _ in range(chosen.count)))


asyncio.run(main())
