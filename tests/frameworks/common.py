"""What the frameworks' programs share: whom they ask, two tools, and how they tell what they did.

Each program runs an agent once, with the API at --base-url, and says what the framework did: one line of JSON for each
thing that it did, in the order of their begins, by its own account. `chat` and `tool` name the agent; `agent` says that one
came into being for another, which handed over to it, or had it called as a tool, of which then the call's id is told.
"""

import argparse
import json
import os

KEY = os.environ.get("OPENAI_API_KEY", "")
QUESTION = "What is the weather in Lisbon, and what time is it there? prompt-canary"


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--base-url", required=True, help="where the API is, /v1 included")
    parser.add_argument("--model", default="standin-script", help="see tests/standin/scripted.py")
    parser.add_argument("--api", default="responses", help="of those that OpenAI has, where the framework knows both")
    parser.add_argument("--as-tool", action="store_true", help="the second agent is a tool of the first")
    return parser.parse_args()


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"It is sunny in {city}. answer-canary"


def get_time(city: str) -> str:
    """The time in a city."""
    return f"It is noon in {city}. answer-canary"


def chat(agent):
    say(did="chat", agent=agent)


def tool(agent, name, call_id):
    say(did="tool", agent=agent, name=name, call_id=call_id)


def agent(name, parent, call_id):
    say(did="agent", name=name, parent=parent, call_id=call_id)


def say(**words):
    print(json.dumps({**words, "pid": os.getpid()}), flush=True)
