"""A gateway in front of a model: uvicorn runs it, and it hands on what is asked of it to LLM_URL, streams as they come.

What it is asked at any other path than /v1/chat/completions it answers by itself.
"""

import os

import httpx
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

client = httpx.AsyncClient(base_url=os.environ["LLM_URL"])


async def chat(request):
    headers = {"content-type": "application/json"}
    asked = client.build_request("POST", "/v1/chat/completions", content=await request.body(), headers=headers)
    answer = await client.send(asked, stream=True)
    kind = {"content-type": answer.headers["content-type"]}
    if not kind["content-type"].startswith("text/event-stream"):
        return Response(await answer.aread(), answer.status_code, kind)

    async def pieces():
        async for piece in answer.aiter_raw():
            yield piece
        await answer.aclose()

    return StreamingResponse(pieces(), answer.status_code, kind)


async def orders(request):
    return JSONResponse({"bytes": len(await request.body())})


app = Starlette(
    routes=[
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/orders", orders, methods=["POST"]),
    ]
)
