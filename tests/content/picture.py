"""Makes docs/pictures/phoenix.png: the trace of `spanwire demo` as Phoenix's page shows it. Run by hand, as root.

    apt-get install --no-install-recommends chromium fonts-dejavu-core
    python3 -m venv target/venv-phoenix && target/venv-phoenix/bin/python -m pip install arize-phoenix
    target/venv/bin/python tests/content/picture.py target/venv-phoenix target/debug/spanwire docs/pictures/phoenix.png
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from viewer import Phoenix, got, running, until

# What a page of a browser takes to load what it shows, in its own time.
LOADS_MS = 20_000
# So that names and figures are read where the picture is as wide as a page of text.
SIZE = "1700,980"
SHOWN = "chat gpt-4o-mini"


def largest_trace(viewer):
    """Of the spans that Phoenix has: the trace with most, once the program's own span has come, which is the last."""
    spans = json.loads(got(f"{viewer.url}/v1/projects/default/spans?limit=200"))["data"]
    traces = {}
    for span in spans:
        traces.setdefault(span["context"]["trace_id"], []).append(span)
    whole = [trace for trace in traces.values() if any(span["parent_id"] is None for span in trace)]
    return max(whole, key=len, default=None)


def main(venv, agent, picture):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="spanwire-picture-"))
    viewer = Phoenix(pathlib.Path(venv).absolute(), folder)
    log = open(folder / "viewer.log", "w")
    with running(viewer.words, env={**os.environ, **viewer.environment}, stdout=log, stderr=log, cwd=folder):
        until("viewer", viewer.is_there)
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": viewer.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "SPANWIRE_CONFIG": "/dev/null",
            "SPANWIRE_CONTENT": "redacted",
        }
        subprocess.run([agent, "demo", "--python", sys.executable], env={**os.environ, **settings}, check=True)
        spans = until("trace", lambda: largest_trace(viewer))
        project = json.loads(got(f"{viewer.url}/v1/projects"))["data"][0]["id"]
        # One that shows a conversation beside the tree.
        shown = next(span["id"] for span in spans if span["name"] == SHOWN)
        page = f"{viewer.url}/projects/{project}/traces/{spans[0]['context']['trace_id']}?selectedSpanNodeId={shown}"
        words = ["chromium", "--headless=new", "--no-sandbox", "--hide-scrollbars", f"--window-size={SIZE}"]
        words += [f"--virtual-time-budget={LOADS_MS}", f"--user-data-dir={folder}/browser"]
        subprocess.run([*words, f"--screenshot={picture}", page], check=True, stderr=log)
    print(f"{picture}: {len(spans)} spans, {pathlib.Path(picture).stat().st_size} bytes; logs in {folder}")


if __name__ == "__main__":
    main(*sys.argv[1:])
