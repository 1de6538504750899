#!/usr/bin/env python3
"""Writes `positives.jsonl` and `lookalikes.jsonl`, the same ones on every machine; `--count` shows what is in them."""

import collections
import json
import pathlib
import re
import sys

import assignments
import bodies
import credentials
import documents
import everyday
import hiding
import lookalikes_made
import lookalikes_written
import near_misses
import personal
import structures
from records import LOOKALIKES, MARK, POSITIVES, written

HERE = pathlib.Path(__file__).parent
# What nobody sees, or what turns the direction of what follows: written as an escape.
UNSEEN = re.compile("[\u0000-\u001f\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def line(record):
    """One record as a line of JSON."""
    text = json.dumps(written(record), ensure_ascii=False)
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def write(name, records):
    """One file; no text twice, and nothing lost by splitting."""
    twice = [text for text, count in collections.Counter(one["text"] for one in records).items() if count > 1]
    assert not twice, twice
    lines = [line(one) for one in records]
    assert [json.loads(one.replace(MARK, "")) for one in lines] == records
    (HERE / name).write_text("".join(one + "\n" for one in lines), encoding="utf-8")


def count(records, *names):
    """How many of each, one table for each name."""
    for name in names:
        print(f"{name}: " + ", ".join(f"{what or '-'} {n}" for what, n in collections.Counter(one.get(name, "") for one in records).most_common()))


def main():
    """Makes all cases and writes them."""
    for part in (credentials, assignments, structures, personal, hiding, bodies, lookalikes_made, lookalikes_written, near_misses, documents, everyday):
        part.everything()
    write("positives.jsonl", POSITIVES)
    write("lookalikes.jsonl", LOOKALIKES)
    if "--count" in sys.argv:
        print(len(POSITIVES), "positives,", len(LOOKALIKES), "look-alikes")
        count(POSITIVES, "class", "place", "language", "setting")
        count(LOOKALIKES, "like", "place")


if __name__ == "__main__":
    main()
