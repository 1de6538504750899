"""Chat completions through aiohttp: many connections at once in one event loop, each kept."""

import asyncio
import os
import ssl
import time

import aiohttp
from common import headers, options, parameters, report

chosen = options()


async def connection(context):
    # One connection each, so that calls share none.
    connector = aiohttp.TCPConnector(limit=1, ssl=context)
    async with aiohttp.ClientSession(connector=connector, headers=headers()) as session:
        for _ in range(chosen.count):
            started_ns = time.time_ns()
            url = f"{chosen.base_url}/chat/completions"
            async with session.post(url, json=parameters(chosen)) as response:
                report(started_ns, answer=await response.json())


async def main():
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    await asyncio.gather(*(connection(context) for _ in range(chosen.threads)))


asyncio.run(main())
