"""An application whose requests make it ask a model twice, in one of these ways, as HANDLER says:

`itself`, in the thread that handles the request; `pool`, in threads of a pool for which that one waits; `later`, in such
threads after the answer; `after`, in the thread itself after the answer.
"""

import os
from concurrent.futures import ThreadPoolExecutor

HANDLER = os.environ.get("HANDLER", "itself")
URL = f"{os.environ['LLM_URL']}/v1/chat/completions"
QUESTION = {"model": "standin-script-slow", "messages": [{"role": "user", "content": "What is Lisbon like?"}]}

pool = ThreadPoolExecutor(max_workers=8)


def ask(inbound):
    return inbound.ask(URL, QUESTION)["choices"][0]["message"]["content"]


def answer(inbound, when_over=None):
    """Answers a request; `when_over` has a function called when the answer is out."""
    text = "later"
    if HANDLER == "itself":
        text = [ask(inbound) for _ in range(2)][-1]
    elif HANDLER == "pool":
        text = [pool.submit(ask, inbound).result() for _ in range(2)][-1]
    elif HANDLER == "later":
        for _ in range(2):
            pool.submit(ask, inbound)
    else:
        when_over(lambda: [ask(inbound) for _ in range(2)])
    return inbound.answered({"answer": text})
