"""Chat completions through aiohttp, whose TLS runs over memory and not over a file descriptor."""

import asyncio
import ssl
import time

import aiohttp
from common import headers, options, parameters, report, summary

chosen = options()


async def main():
    # Trusts what SSL_CERT_FILE names.
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context())
    async with aiohttp.ClientSession(connector=connector, headers=headers()) as session:
        for _ in range(chosen.count):
            started_ns = time.time_ns()
            try:
                url = f"{chosen.base_url}/chat/completions"
                async with session.post(url, json=parameters(chosen), raise_for_status=True) as response:
                    if chosen.stream:
                        answer = summary([line.decode() async for line in response.content])
                    else:
                        answer = await response.json()
                    report(started_ns, answer=answer)
            except (aiohttp.ClientError, ValueError) as error:
                report(started_ns, error=error)


asyncio.run(main())
