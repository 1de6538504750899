"""Vendors' own SDKs, unmodified, have a dialogue with tools and images, and tell what was truly said.

    said.py --serve
    said.py --call PORT FILE [--pad BYTES] [API...]

The first answers as the vendors do, and prints its port. The second has the dialogue by each API, by the name of the
vendor's server, whole and streamed, and writes to FILE a line of JSON for each call, by its model, which is another for
each: what the program gave the SDK and got from it, in the shape that `dialogue` says. `--pad` makes the first message
longer by so many bytes.
"""

import argparse
import importlib
import json
import pathlib
import sys
import threading

sys.path.append(str(pathlib.Path(__file__).parents[1] / "exchanges"))

import dialogue
import record
import vendors

APIS = ["openai_chat", "openai_responses", "anthropic_messages", "google_generate", "bedrock_converse", "ollama_chat"]


def modules(names=()):
    return [importlib.import_module(f"apis.{name}") for name in names or APIS]


def serve():
    known = modules()

    def answer(request):
        return next(module.answer for module in known if module.is_one(request.path))(request)

    print(record.Recorder(answer).url.rpartition(":")[2], flush=True)
    threading.Event().wait()


def call(port, file, names):
    with open(file, "w") as truth:
        truth.write(json.dumps({"planted": dialogue.PLANTED}) + "\n")
        for module in modules(names):
            vendors.are_here(module.HOST)
            for stream in (False, True):
                client = module.client(f"http://{module.HOST}:{port}")
                for said in module.talk(client, stream):
                    truth.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--call", type=int)
    parser.add_argument("--pad", type=int, default=0)
    parser.add_argument("file", nargs="?")
    parser.add_argument("apis", nargs="*")
    asked = parser.parse_args()
    dialogue.HELLO += " and so on" * (asked.pad // 10)
    if asked.serve:
        serve()
    else:
        call(asked.call, asked.file, asked.apis)
