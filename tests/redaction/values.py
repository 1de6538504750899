"""Values that look real and are not: drawn from a hash of their label, with the checks that their issuers publish."""

import base64
import hashlib
import html
import json
import re
import urllib.parse
import zlib

DIGITS = "0123456789"
LOWER = "abcdefghijklmnopqrstuvwxyz"
UPPER = LOWER.upper()
ALPHABETS = {
    "d": DIGITS,
    "a": LOWER,
    "A": UPPER,
    "L": UPPER + LOWER,
    "l": LOWER + DIGITS,
    "U": UPPER + DIGITS,
    "b": DIGITS + UPPER + LOWER,
    "w": DIGITS + UPPER + LOWER + "_-",
    "s": DIGITS + UPPER + LOWER + "+/",
    "x": DIGITS + "abcdef",
    "X": DIGITS + "ABCDEF",
    "k": UPPER + "234567",  # base32
    "g": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",  # bech32
}


def numbers(label):
    """Endless numbers below 65536, the same for the same label wherever this runs."""
    count = 0
    while True:
        block = hashlib.sha256(f"spanwire {label} {count}".encode()).digest()
        yield from (block[at] << 8 | block[at + 1] for at in range(0, len(block), 2))
        count += 1


def draw(label, alphabet, length):
    """So many characters of an alphabet; of each kind of character that it has at least one, if there is room."""
    source = numbers(f"{label} {alphabet} {length}")
    letters = ALPHABETS[alphabet]
    while True:
        drawn = "".join(letters[next(source) % len(letters)] for _ in range(length))
        kinds = [kind for kind in (DIGITS, LOWER, UPPER) if any(one in letters for one in kind)]
        starts_well = drawn[:1] not in "-_+/" and drawn[-1:] not in "-_+/"
        if length < 12 or (starts_well and all(any(one in drawn for one in kind if one in letters) for kind in kinds)):
            return drawn


def shape(pattern, label=""):
    """`<b20>` in a pattern becomes 20 characters of alphabet b; `<uuid>`, `<crc>` (GitHub's, of the 30 before it)."""

    def fill(found):
        what = found[1]
        at = f"{label} {pattern} {found.start()}"
        return uuid(at) if what == "uuid" else draw(at, what[0], int(what[1:]))

    made = re.sub(r"<(uuid|[daALlUbwsxXkg]\d+)>", fill, pattern)
    return made.replace("<crc>", base62(zlib.crc32(made.partition("<crc>")[0][-30:].encode())))


def base62(number, width=6):
    """A number in base 62, digits first, with leading zeros: how GitHub writes the CRC32 of a token."""
    made = ""
    while number:
        number, rest = divmod(number, 62)
        made = ALPHABETS["b"][rest] + made
    return made.rjust(width, "0")


def uuid(label):
    """A random UUID, version 4."""
    made = draw(label, "x", 32)
    return f"{made[:8]}-{made[8:12]}-4{made[13:16]}-{'89ab'[int(made[16], 16) % 4]}{made[17:20]}-{made[20:]}"


def raw(label, length):
    """So many bytes."""
    source = numbers(label)
    return bytes(next(source) & 255 for _ in range(length))


def b64(text):
    """Base64 of bytes or of text in UTF-8."""
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def b64url(text):
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(text if isinstance(text, bytes) else text.encode()).decode().rstrip("=")


def jwt(label, header=None, claims=None, signed=43):
    """A JSON Web Token (RFC 7519), compact."""
    claims = claims or {"sub": draw(label, "d", 10), "iat": 1760000000, "scope": "read write"}
    parts = [json.dumps(one, separators=(",", ":")) for one in (header or {"alg": "HS256", "typ": "JWT"}, claims)]
    return ".".join([*map(b64url, parts), draw(label, "w", signed)])


def pem(kind, label, start="MIIEpAIBAAKCAQEA", lines=6):
    """A PEM block: the whole of it, and its lines of base64."""
    body = [draw(f"{label} {at}", "s", 64) for at in range(lines)]
    body[0] = start + body[0][len(start) :]
    body[-1] = body[-1][:30] + "=="
    return "\n".join([f"-----BEGIN {kind}-----", *body, f"-----END {kind}-----"]), body


# How a text is written elsewhere.
def escaped(text, which="@.+/"):
    r"""Characters as `\u0040` in JSON."""
    return "".join(f"\\u{ord(one):04x}" if one in which else one for one in text)


def percent(text, times=1, safe=""):
    """Percent-encoded, so many times over."""
    for _ in range(times):
        text = urllib.parse.quote(text, safe=safe)
    return text


def entities(text, which="@.:-"):
    """Characters as HTML's numbered entities, decimal and hexadecimal by turns."""
    forms = ("&#{};", "&#x{:x};")
    return "".join(forms[at % 2].format(ord(one)) if one in which else html.escape(one) for at, one in enumerate(text))


def string(value):
    """A JSON string or document."""
    return json.dumps(value, ensure_ascii=False)


def wide(text):
    """In full-width forms."""
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


# Checks that numbers carry.
def luhn(digits):
    """ISO/IEC 7812: whether the check digit fits."""
    values = [int(one) for one in reversed(digits)]
    return (sum(values[::2]) + sum(sum(divmod(2 * one, 10)) for one in values[1::2])) % 10 == 0


def with_luhn(digits):
    """The digits and the check digit that fits."""
    return next(digits + one for one in DIGITS if luhn(digits + one))


def iban_fits(iban):
    """ISO 13616: the remainder by 97."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(one, 36)) for one in turned)) % 97 == 1


def grouped(text, size=4, by=" "):
    """In groups of so many characters."""
    return by.join(text[at : at + size] for at in range(0, len(text), size))


def weighted(digits, weights):
    """The sum of digits by weights."""
    return sum(int(one) * weight for one, weight in zip(digits, weights))
