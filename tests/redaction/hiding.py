"""Where data hides: each place with several classes of data in it."""

import json

from records import KEYS, positive
from values import b64, b64url, entities, escaped, percent, shape, string, wide

# Values that are known by themselves; each place takes the next ones.
SAMPLES = {
    "email": ["anna.berg@example.com", "j.smith+work@mail.example.org", "k_1987@example.co.uk", "paul-weber@example.net"],
    "phone": ["+1 415 555 0132", "+49 30 23125 123", "+442079460958", "+33 1 99 00 12 34"],
    "card": ["4111 1111 1111 1111", "5555555555554444", "4242-4242-4242-4242", "378282246310005"],
    "iban": ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "FR1420041010050500013M02606", "NL91ABNA0417164300"],
    "national_id": ["536-90-4399", "219-09-9998", "612-44-8821", "305-71-2286"],
    "ip": ["203.0.113.77", "198.51.100.23", "2001:db8:85a3::8a2e:370:7334", "192.168.178.40"],
    "mac": ["00:1B:44:11:3A:B7", "3c:22:fb:0a:9e:41", "a4-83-e7-5c-01-9d", "b8:27:eb:45:67:8a"],
}
SHAPES = ["sk-ant-api03-<w93>AA", "ghp_<b30><crc>", "AKIA<k16>", "xoxb-<d12>-<d13>-<b24>", "sk_live_<b24>", "glpat-<w20>",
        "hf_<L34>", "gsk_<b20>WGdyb3FY<b24>", "sk-proj-<w74>T3BlbkFJ<w74>", "AIzaSy<w33>", "npm_<b30><crc>", "SG.<w22>.<w43>"]
_turn = {}


def sample(kind):
    """The next value of a class."""
    at = _turn[kind] = _turn.get(kind, -1) + 1
    if kind == "credential":
        made = shape(SHAPES[at % len(SHAPES)], f"hiding {at}")
        KEYS.add(made)
        return made
    return SAMPLES[kind][at % len(SAMPLES[kind])]


def put(place, kinds, text, write=lambda value: value, language="en", also=lambda value: []):
    """One case of each class: `text` with `{}` where the value stands as `write` writes it."""
    for kind in kinds.split():
        value = sample(kind)
        stands = write(value)
        positive(kind, place, language, text.replace("{}", stands), [value, *also(value)], stands)


def in_json():
    """Escapes, and JSON within JSON."""
    inner = lambda text: string(text)[1:-1]
    put("json escapes", "email credential", r'{"to":"{}","n":1}', escaped)
    put("json escapes", "email email", r'{"to":"{}","n":1}', lambda v: escaped(v, "@"))
    put("json escapes", "email phone ip iban", r'{"text":"{}"}', lambda v: escaped(v, v))
    put("json escapes", "email card phone credential", r'{"text":"Dear all,\n{}\nregards"}')
    put("json escapes", "email ip mac national_id", r'{"text":"name:\t{}\tok"}')
    put("json escapes", "email", r'{"text":"say \"{}\" twice"}')
    put("json escapes", "email", r'{"text":"<{}>"}'.replace("<", r"\u003c").replace(">", r"\u003e"))
    put("json escapes", "credential", r'{"url":"https:\/\/api.example.com\/v1?key={}"}')
    put("json escapes", "email credential", r'{"text":"\ud83d\ude00 {}"}')
    put("json escapes", "credential phone", r'{"text":"\u001b[31m{}\u001b[0m"}')
    call = lambda text: string({"type": "function", "function": {"name": "send", "arguments": text}})
    put("json in json", "email phone card credential iban", call(string({"to": "{}", "n": 1})))
    put("json in json", "ip mac national_id", call(string({"filter": {"value": ["{}"]}})))
    put("json in json", "email credential", call(string({"body": string({"user": {"is": "{}"}})})))
    put("json in json", "email", call('{"to":"{}"}'), lambda v: inner(escaped(v, "@")))
    put("json in json", "email card credential", call(string({"body": "Dear all,\n{}\nregards"})))
    put("json in json", "email credential", call(string({"body": string({"text": "first\n{}\nlast"})})))
    put("json in json", "email iban", string({"output": string({"rows": [["1", "{}"], ["2", "-"]]})}))
    for secret in ("Tulip-River-88", "x7Kp2Lw9zQ"):
        text = call(string({"host": "db", "password": secret}))
        positive("credential", "json in json", "en", text, secret)
        deep = string({"a": string({"b": string({"password": secret, "host": "db"})})})
        positive("credential", "json in json", "en", deep, secret)
    put("json key", "email credential phone card ip", string({"seen": {"{}": 3}}))
    put("json key", "email credential", string({"{}": None}))
    put("json", "email ip", string({"role": "tool", "content": [{"type": "text", "text": "Found {} in the index."}]}))
    put("metadata", "email credential ip", string({"id": "v1", "values": [0.1, 0.2], "metadata": {"source": "{}"}}))
    put("metadata", "email phone", string({"model": "gpt-5", "user": "{}", "stream": True}))
    put("metadata", "email", string({"conversation": {"id": "{}"}}))
    put("metadata", "credential email", string({"model": "{}"}))
    put("metadata", "email", string({"tools": [{"name": "{}", "description": "a tool"}]}))
    put("stream event", "email credential card", 'event: delta\ndata: {"delta":{"text":"{}"}}\n\n')
    for value in (4111111111111111, 5555555555554444):
        text = call(string({"card": value, "amount": 12.5}))
        positive("card", "json in json", "en", text, str(value))


def in_markup():
    """Markdown, HTML and XML."""
    marks = ["**{}**", "__{}__", "*{}*", "~~{}~~", "`{}`"]
    kinds = ["email credential card", "email iban", "email phone credential", "email ip", "credential email mac national_id"]
    for mark, kind in zip(marks, kinds):
        put("markdown", kind, f"Please note: {mark} is new.")
    put("markdown", "email", "[write to us](mailto:{})")
    put("markdown", "email", "[{}](mailto:team)")
    put("markdown", "phone", "[call](tel:{})", lambda v: v)
    put("markdown", "email", "<{}>")
    put("markdown", "email phone card iban ip mac", "| name | value |\n|:---|---:|\n| Roe | {} |\n| Doe | - |\n")
    put("markdown", "email credential ip", "|a|{}|b|\n")
    put("markdown", "email credential ip", "```yaml\nowner: {}\nport: 80\n```\n")
    put("markdown", "email credential", "> On Monday you wrote: {}\n> ok\n")
    put("markdown", "email phone", "# Contact {}\n\n- first\n- second\n")
    put("markdown", "credential", "![badge](https://img.example.com/b.svg?token={})")
    put("markdown", "email", "See[^1].\n\n[^1]: {}\n")
    put("markdown", "email", "1. {}\n2. nobody\n")
    put("html", "email", '<a href="mailto:{}">mail</a>')
    put("html", "email phone card credential ip", "<td class=v>{}</td><td>1</td>")
    put("html", "credential email", '<input type="hidden" name="v" value="{}">')
    put("html", "email", "<!-- {} -->")
    put("html", "email phone", "Reach us:<br>{}<br/>today")
    put("html entities", "email email", "<p>{}</p>", lambda v: entities(v, "@"))
    put("html entities", "email ip", "<p>{}</p>", entities)
    put("html entities", "email credential phone", "<p>{}</p>", lambda v: entities(v, v))
    put("html entities", "email", "<p>{}</p>", lambda v: v.replace("@", "&commat;").replace(".", "&period;"))
    put("html entities", "email", "Name&nbsp;{}&nbsp;(work)")
    put("html entities", "email credential", "&lt;{}&gt;")
    put("html entities", "credential", "&quot;{}&quot;")
    put("xml", "email card", "<![CDATA[{}]]>")
    put("xml", "email iban", '<item owner="{}" n="1"/>')


def encoded():
    """Percent-encoding, data URLs, base64."""
    each = lambda v: "".join(f"%{byte:02X}" for byte in v.encode())
    put("percent-encoded", "email email credential", "https://example.com/x?val={}&n=1", percent)
    put("percent-encoded", "email phone", "https://example.com/x?val={}&n=1", lambda v: percent(v, 2))
    put("percent-encoded", "email credential card", "/search?q={}&n=1", each)
    put("percent-encoded", "email", "/search?q={}&n=1", lambda v: percent(each(v)))
    put("percent-encoded", "card iban phone", "/pay?val={}&n=1", lambda v: v.replace("+", "%2B").replace(" ", "%20"))
    put("percent-encoded", "email", "name=Roe&email={}&n=1", percent)
    put("percent-encoded", "email credential", f"https://example.com/go?to={percent('https://a.example.com/?val=')}{{}}", percent)
    put("percent-encoded", "email credential ip", "GET /files/report%20{}/x HTTP/1.1")
    put("percent-encoded", "credential", "https://example.com/#/cb%3Ftoken%3D{}")
    put("form", "email", "a=1&mail={}&b=2", percent)
    put("form", "email credential", '--x\r\nContent-Disposition: form-data; name="v"\r\n\r\n{}\r\n--x--\r\n')
    sentence = "Please forward this note to {} before noon, thank you very much."
    for place, text in [("data url", "data:text/plain;base64,{}"), ("data url", '<img src="data:text/html;base64,{}">'),
                        ("data url", string({"image_url": {"url": "data:application/json;base64,{}"}})),
                        ("base64", "Decode this: {} and answer."), ("base64", string({"content": "{}", "encoding": "base64"})),
                        ("base64", "{}")]:
        put(place, "email credential card", text, lambda v: b64(sentence.replace("{}", v)))
    put("base64", "email phone credential", string({"state": "{}"}), lambda v: b64url(string({"user": v, "n": 1, "page": "home"})))
    put("data url", "email credential", "data:text/plain;charset=utf-8,Hello%20{}%20bye", percent)
    put("data url", "email", "data:text/plain,hello%20{}")
    put("base64", "email", "{}", lambda v: b64(b64(sentence.replace("{}", v))))


def disguised():
    """Characters that are not seen, and forms that only look different."""
    for sign in "\u200b\ufeff\u2060\u200d":
        put("zero width", "email credential phone", "Take " + sign + "{}" + sign + " now.")
    cut = lambda sign: lambda v: v[:5] + sign + v[5:9] + sign + v[9:]
    put("zero width", "email credential card", "Take {} now.", cut("\u200b"))
    put("zero width", "email credential", "Take {} now.", cut("\u00ad"))
    put("zero width", "iban phone", "Take {} now.", cut("\u2060"))
    put("zero width", "email", "\u202a{}\u202c is it.")
    digits = lambda v: "".join(wide(one) if one.isdigit() else one for one in v)
    put("full width", "card card national_id", "Number {} is it.", digits)
    put("full width", "phone", "電話番号は{}です。", lambda v: digits(v), "ja")
    put("full width", "email", "メールは{}です。", lambda v: v.replace("@", "\uff20"), "ja")
    put("full width", "email credential", "値は{}です。", wide, "ja")
    put("full width", "card", "カード番号:{}。", wide, "ja")
    put("no spaces", "email credential card phone ip mac", "请看{}谢谢", language="zh")
    put("no spaces", "email credential card phone iban", "これは{}です", language="ja")
    put("no spaces", "email credential card", "여기{}입니다", language="ko")
    put("no spaces", "email credential", "😀{}😀")
    put("no spaces", "email credential ip", "«{}»", language="fr")
    put("no spaces", "card email", "„{}“", language="de")
    put("no spaces", "email phone", "،{}،", language="ar")
    put("no spaces", "email credential", "—{}—")
    put("no spaces", "credential email card ip", "val={};")
    put("begin and end", "email credential card phone iban ip mac national_id", "{}")
    put("begin and end", "email credential card phone iban ip mac national_id", "{} comes first here")
    put("begin and end", "email credential card phone iban ip mac national_id", "and last comes {}")
    put("begin and end", "email credential card", "\n\n{}\n")
    put("terminal", "credential email ip", "\x1b[32m{}\x1b[0m done")
    put("terminal", "email credential", "user\t{}\tok")


def in_formats():
    """Other forms that text has."""
    put("source code", "email credential ip", "owner = '{}'  # to be changed")
    put("source code", "email credential", "// contact {}\nfunc main() {}\n".replace("main() {}", "main()"))
    put("source code", "email card", "{'user': '{}', 'n': 1}")
    put("source code", "email", "map[user:{} n:1]")
    put("source code", "email credential", "-old = 1\n+new = \"{}\"\n@@ -1,2 +1,2 @@\n")
    put("source code", "email", "assert send(b'{}') == 1")
    put("error message", "email credential ip card", 'Traceback (most recent call last):\n  File "a.py", line 3, in f\nValueError: bad value {}\n')
    put("error message", "email ip", "Error: [object] {} not found (code 404)")
    put("error message", "credential credential", "401: invalid x-api-key {}")
    put("log line", "email ip mac credential phone", "ts=2026-03-04T10:11:12.123Z level=info value={} n=1")
    put("log line", "email ip", '{"ts":"2026-03-04T10:11:12Z","msg":"seen {}"}')
    put("command line", "email credential ip", "tool --value {} --n 1")
    put("command line", "email credential ip", "tool --value={} --n=1")
    put("resource attributes", "email credential ip", "service.name=shop,val={},n=1")
    put("resource attributes", "email credential", "service.name=shop,val={},n=1", percent)
    put("csv", "email phone card iban", "1,\"{}\",2026-03-04\n")
    put("csv", "email ip mac credential", "1\t{}\t2026-03-04\n")
    put("calendar", "email", "BEGIN:VEVENT\r\nATTENDEE;CN=Roe:mailto:{}\r\nEND:VEVENT\r\n")
    put("calendar", "phone email", "BEGIN:VCARD\r\nFN:Roe\r\nNOTE:{}\r\nEND:VCARD\r\n")
    put("yaml", "email ip credential", "list: [{}, other]\n")
    put("toml", "email ip", "v = \"{}\"\nn = 1\n")
    put("url path", "email credential", "https://example.com/u/{}/profile")
    put("url fragment", "email credential", "https://example.com/a#val={}")
    put("url query", "email credential ip mac", "https://example.com/a?n=1&val={}#top")
    put("source code", "email", "SELECT * FROM users WHERE mail = '{}' LIMIT 1;")
    put("header", "credential email", "X-Custom: {}\r\nAccept: */*\r\n")
    put("cookie", "credential", "Cookie: a=1; val={}; b=2")


CHATS = {
    "en": "Hi, I am Jane. You reach me at {} or {}, and my account is {}.",
    "de": "Hallo, ich bin Jana. Sie erreichen mich unter {} oder {}, mein Konto ist {}.",
    "fr": "Bonjour, je suis Jeanne. Écrivez à {} ou appelez le {}, mon compte est {}.",
    "es": "Hola, soy Juana. Escríbame a {} o llame al {}, mi cuenta es {}.",
    "pt": "Olá, sou a Joana. Escreva para {} ou ligue para {}, minha conta é {}.",
    "pl": "Dzień dobry, tu Joanna. Proszę pisać na {} lub dzwonić {}, moje konto to {}.",
    "ru": "Здравствуйте, я Жанна. Пишите на {} или звоните {}, мой счёт {}.",
    "ja": "こんにちは。メールは{}、電話は{}、口座は{}です。",
    "zh": "你好,我的邮箱是{},电话是{},账户是{}。",
    "ar": "مرحبا، بريدي {} وهاتفي {} وحسابي {} شكرا.",
    "hi": "नमस्ते, मेरा ईमेल {} है, फ़ोन {} है और खाता {} है।",
}


def several():
    """Several in one text: each is a case, and all of them must go."""
    for language, text in CHATS.items():
        values = [sample("email"), sample("phone"), sample("iban")]
        positive("email", "chat", language, text.format(*values), values)
        values = [sample("email"), sample("phone"), sample("card")]
        positive("card", "chat", language, text.format(*values), values)
        values = [sample("email"), sample("ip"), sample("credential")]
        positive("credential", "chat", language, text.format(*values), values)
    kinds = list(SAMPLES)
    for by in (",", ";", "\n", "\t", " / ", "|"):
        values = [sample(kind) for kind in kinds]
        positive("phone", "several", "en", by.join(values), values)
    for by in (" ", ",", "\n"):
        values = [sample("email") for _ in range(4)]
        positive("email", "several", "en", by.join(values), values)
        values = ["203.0.113.5", "198.51.100.6", "10.0.0.7"]
        positive("ip", "several", "en", "X-Forwarded-For: " + by.join(values), values)
    everything = {kind: sample(kind) for kind in [*SAMPLES, "credential"]}
    positive("email", "several", "en", string(everything), list(everything.values()))
    text = string({"arguments": json.dumps({kind: value for kind, value in everything.items()})})
    positive("mac", "several", "en", text, list(everything.values()))
    padding = "The quick brown fox jumps over the lazy dog while nobody looks. " * 40
    for kind in ("credential", "email", "card"):
        value = sample(kind)
        positive(kind, "long text", "en", padding + value + " " + padding, value)


def everything():
    """All of this file's."""
    for part in (in_json, in_markup, encoded, disguised, in_formats, several):
        part()
