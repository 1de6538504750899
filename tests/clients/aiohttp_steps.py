"""Chat completions through aiohttp over one connection that is kept: one for each line of its input."""

import asyncio
import os
import ssl
import sys
import time

import aiohttp
from common import headers, options, parameters, report

chosen = options()


async def main():
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    connector = aiohttp.TCPConnector(limit=1, ssl=context, keepalive_timeout=600)
    async with aiohttp.ClientSession(connector=connector, headers=headers()) as session:
        while await asyncio.to_thread(sys.stdin.readline):
            started_ns = time.time_ns()
            async with session.post(f"{chosen.base_url}/chat/completions", json=parameters(chosen)) as response:
                report(started_ns, answer=await response.json())


asyncio.run(main())
