"""The cases, and the form in which they are written down."""

import re

# Stands in the files wherever a scanner of secrets might take a value for a real one; who reads takes it out.
MARK = "¦"
# What a token of any issuer is written in; a run of it is split.
RUN = re.compile(r"[A-Za-z0-9+/_=.~%-]{8,}")

CLASSES = ("credential", "email", "phone", "card", "iban", "national_id", "ip", "mac")

# The issuers' keys that were made.
KEYS: set[str] = set()
POSITIVES: list[dict] = []
LOOKALIKES: list[dict] = []
_counts: dict[tuple, int] = {}


def positive(kind, place, language, text, secrets, hide=None, setting=None, bare=False):
    """One text with something in it that must not remain.

    `secrets` is what nobody may be able to read afterwards, `hide` the stretches of the text that carry it (the same
    unless it is encoded). `bare`: known by itself, so the runner may put other things around it.
    """
    secrets = [secrets] if isinstance(secrets, str) else list(secrets)
    hide = secrets if hide is None else ([hide] if isinstance(hide, str) else list(hide))
    assert kind in CLASSES, kind
    assert secrets and all(len(one) > 3 for one in secrets), (text, secrets)
    assert all(one in text for one in hide), (text, hide)
    number = _counts[kind, place] = _counts.get((kind, place), 0) + 1
    record = {"id": f"{kind}/{place.replace(' ', '-')}/{number}", "class": kind, "place": place, "language": language}
    if setting:
        record["setting"] = setting
    if bare:
        assert hide == secrets and len(secrets) == 1
        record["bare"] = True
    POSITIVES.append(record | {"text": text, "hide": hide, "secrets": secrets})


def lookalike(like, place, *texts):
    """Texts that are to stay as they are: what they look like, and where they stand."""
    for text in texts:
        number = _counts[like] = _counts.get(like, 0) + 1
        LOOKALIKES.append({"id": f"{like.replace(' ', '-')}/{number}", "like": like, "place": place, "text": text})


def split(text):
    """The text with a mark after every fourth character of each long run."""
    assert MARK not in text, text
    return RUN.sub(lambda run: MARK.join(run[0][at : at + 4] for at in range(0, len(run[0]), 4)), text)


def written(record):
    """The record as it goes into the file: what scanners might take for real is split."""
    has_key = any(key in text for text in [record["text"], *record.get("secrets", [])] for key in KEYS)
    if record.get("class") != "credential" and record.get("like") != "placeholder" and not has_key:
        return record
    done = dict(record, text=split(record["text"]))
    for name in ("hide", "secrets"):
        if name in done:
            done[name] = [split(one) for one in done[name]]
    return done
