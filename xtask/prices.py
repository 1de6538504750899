"""Writes the price list that the agent is built with, from the data of the PyPI package genai-prices.

    prices.py LIST LICENCE BILLS

The first file is the list, the second the package's licence, the third some calls with what the package says that they
cost, which the agent's own arithmetic is tested against. The installed package is read; `cargo xtask prices` installs the newest one first. One model stands in a line, so that
what changed between two lists can be read.
"""

import datetime
import importlib.metadata
import json
import re
import sys
from decimal import Decimal

from genai_prices import Usage, calc_price
from genai_prices.data import providers

PACKAGE = "genai-prices"
# Vendors whose calls have names of their own.
PRICED = ("anthropic", "aws", "cohere", "deepseek", "google", "groq", "mistral", "openai", "perplexity", "x-ai")


def number(value):
    """Dollars, exactly as they are written there."""
    return int(value) if value == value.to_integral_value() else float(value)


def price(value):
    """Dollars, or with tiers a list of them: of all, and of those that are more than so many."""
    if isinstance(value, Decimal):
        return number(value)
    return [number(value.base)] + [[tier.start, number(tier.price)] for tier in value.tiers]


def usd(prices):
    return {name: price(value) for name, value in vars(prices).items() if value is not None}


def conditions(constraint):
    if constraint is None:
        return {}
    if start := getattr(constraint, "start_date", None):
        return {"since": start.isoformat()}
    offsets = {time.utcoffset() for time in (constraint.start_time, constraint.end_time)}
    assert not any(offsets), f"times of another zone than UTC: {constraint}"
    minutes = lambda time: time.hour * 60 + time.minute
    return {"daily_minutes": [minutes(constraint.start_time), minutes(constraint.end_time)]}


def match(clause):
    # The agent's regular expressions, which are linear in time, have no look-ahead: here it is always all there is.
    if ahead := re.fullmatch(r"\^\(\?!(.*)\)", getattr(clause, "regex", "")):
        return {"not": {"regex": "^" + ahead[1]}}
    for name in ("equals", "starts_with", "ends_with", "contains", "regex"):
        if (text := getattr(clause, name, None)) is not None:
            return {name: text}
    for name in ("or", "and"):
        if (clauses := getattr(clause, name + "_", None)) is not None:
            return {name: [match(one) for one in clauses]}
    raise ValueError(clause)


def model(known):
    prices = known.prices if isinstance(known.prices, list) else [known.prices]
    described = {
        "id": known.id,
        "match": match(known.match),
        "prices": [
            {**conditions(getattr(one, "constraint", None)), "usd": usd(getattr(one, "prices", one))}
            for one in prices
        ],
    }
    if known.price_variants:
        described["variants"] = [
            {"when": one.when, **conditions(one.constraint), "usd": usd(one.prices)} for one in known.price_variants
        ]
    return described


def bills():
    """What the package says of every fifth model of vendors that calls are priced of, at two times, of small calls and
    large ones."""
    times = [datetime.datetime(2025, 3, 1, 3, tzinfo=datetime.UTC), datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC)]
    small = {"input_tokens": 10_000, "output_tokens": 501, "cache_read_tokens": 8_000, "cache_write_tokens": 1_003}
    large = {"input_tokens": 300_001, "output_tokens": 70_003, "output_reasoning_tokens": 60_001}
    for provider in providers:
        if provider.id not in PRICED:
            continue
        for known in provider.models[::5]:
            name = first_name(match(known.match))
            if name is None:
                continue
            for at, usage in zip(times, (small, large)):
                for context in ({}, {"processing": "batch"}, {"service_tier": "priority"}):
                    if context and not known.price_variants:
                        continue
                    price = calc_price(
                        Usage(**usage), name, provider_id=provider.id, genai_request_timestamp=at, price_context=context
                    )
                    yield {
                        "provider": provider.id,
                        "model": name,
                        "at": at.isoformat().replace("+00:00", "Z"),
                        "kind": context,
                        "usage": usage,
                        "usd": [float(price.total_price), float(price.input_price), float(price.output_price)],
                    }


def first_name(clause):
    """A name that a clause means."""
    if "equals" in clause:
        return clause["equals"]
    return next(filter(None, map(first_name, clause.get("or", []))), None)


def main(out, licence, bills_out):
    distribution = importlib.metadata.distribution(PACKAGE)
    text = next(file for file in distribution.files if file.name == "LICENSE")
    with open(licence, "w", encoding="utf-8") as file:
        file.write(text.read_text())
    compact = lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    with open(out, "w", encoding="utf-8") as file:
        source = compact(f"{PACKAGE}@{distribution.version}")
        file.write('{"source":%s,"read":"%s","providers":[' % (source, datetime.date.today()))
        for at, provider in enumerate(providers):
            head = {"id": provider.id, "borrows": provider.fallback_model_providers or []}
            file.write("," * (at > 0) + "\n" + compact(head)[:-1] + ',"models":[\n')
            file.write(",\n".join(compact(model(known)) for known in provider.models) + "]}")
        file.write("]}\n")
    with open(bills_out, "w", encoding="utf-8") as file:
        file.writelines(compact(bill) + "\n" for bill in bills())


if __name__ == "__main__":
    main(*sys.argv[1:])
