"""Longer look-alikes: whole documents as people paste them and services answer, with nobody's data in them."""

import json

from records import lookalike
from values import b64, draw, numbers, raw, shape, uuid


def hexes(label, size, alphabet="x"):
    """A digest, or part of one."""
    return draw(f"document {label}", alphabet, size)


def locks():
    """Lock files, logs of version control, build output."""
    crates = ["aho-corasick 1.1.3", "bytes 1.7.1", "token-stream 0.2.0", "secrecy 0.10.3", "zeroize 1.8.1"]
    lookalike("document", "lock file", "".join(
        f'[[package]]\nname = "{one.split()[0]}"\nversion = "{one.split()[1]}"\nsource = "registry+https://crates.example.com/index"\n'
        f'checksum = "{hexes(one, 64)}"\ndependencies = [\n "memchr",\n]\n\n' for one in crates))
    packages = ["@babel/core", "tokenizer", "password-strength", "@types/node", "js-tokens"]
    lookalike("document", "lock file", json.dumps({"lockfileVersion": 3, "packages": {f"node_modules/{one}": {
        "version": f"7.{at}.{at * 3}", "resolved": f"https://npm.example.com/{one}/-/{one.split('/')[-1]}-7.{at}.{at * 3}.tgz",
        "integrity": f"sha512-{b64(raw(one, 64))}", "engines": {"node": ">=6.9.0"}} for at, one in enumerate(packages)}}, indent=2))
    lookalike("document", "lock file", "".join(f"{one}==2.{at}.0 \\\n    --hash=sha256:{hexes(one, 64)} \\\n    --hash=sha256:{hexes(one + 'b', 64)}\n"
                                               for at, one in enumerate(["requests", "keyring", "tokenizers", "pyjwt"])))
    lookalike("document", "lock file", "".join(f"golang.org/x/{one} v0.{at}.0 h1:{b64(raw(one, 32))}\ngolang.org/x/{one} v0.{at}.0/go.mod h1:{b64(raw(one + 'm', 32))}\n"
                                               for at, one in enumerate(["crypto", "oauth2", "text"])))
    lookalike("document", "log", "".join(f"* {hexes(one, 7)} (HEAD -> main) {one}\n" for one in
              ["Fix the password reset", "Bump token crate to 0.3.1", "Rename key to name", "Merge pull request #1204 from fork/api-key-docs", "Revert \"secret scanning\""]))
    lookalike("document", "diff", f"diff --git a/src/auth.rs b/src/auth.rs\nindex {hexes('a', 7)}..{hexes('b', 7)} 100644\n--- a/src/auth.rs\n+++ b/src/auth.rs\n"
              "@@ -12,7 +12,9 @@ impl Session {\n-    fn token(&self) -> &str {\n+    fn token(&self) -> Option<&str> {\n         self.token.as_deref()\n     }\n")
    lookalike("document", "build", "#12 [build 4/9] RUN cargo build --release\n#12 0.412 Compiling token v0.1.0 (/src)\n#12 61.20 Finished `release` profile in 1m 00s\n"
              f"#13 exporting layers 2.1s done\n#13 writing image sha256:{hexes('image', 64)} done\n#13 naming to docker.io/library/app:1.4.2 done\n")
    lookalike("document", "build", "============ 128 passed, 3 skipped, 1 xfailed in 12.34s ============\ntests/test_auth.py::test_password[short] PASSED [ 12%]\n"
              "tests/test_auth.py::test_token_refresh PASSED [ 25%]\n")


def services():
    """What services answer."""
    ident = lambda pattern: shape(pattern, "document " + pattern)
    lookalike("document", "json", json.dumps({"id": ident("chatcmpl-<b29>"), "object": "chat.completion", "created": 1760000000, "model": "gpt-4o-2024-08-06",
              "choices": [{"index": 0, "message": {"role": "assistant", "content": None, "refusal": None, "tool_calls": [{"id": ident("call_<b24>"), "type": "function",
                           "function": {"name": "get_weather", "arguments": '{"city":"Paris","days":3}'}}]}, "logprobs": None, "finish_reason": "tool_calls"}],
              "usage": {"prompt_tokens": 82, "completion_tokens": 17, "total_tokens": 99, "prompt_tokens_details": {"cached_tokens": 0}}, "system_fingerprint": ident("fp_<x10>")}))
    lookalike("document", "json", json.dumps({"id": ident("msg_01<b22>"), "type": "message", "role": "assistant", "model": "claude-sonnet-4-20250514", "stop_reason": "tool_use",
              "content": [{"type": "text", "text": "I will look at the key results of Q3 first."}, {"type": "tool_use", "id": ident("toolu_01<b22>"), "name": "search", "input": {"query": "revenue 2024-2025", "top_k": 10}}],
              "usage": {"input_tokens": 2095, "cache_creation_input_tokens": 0, "output_tokens": 503, "service_tier": "standard"}}))
    lookalike("document", "stream event", "".join(f"event: content_block_delta\ndata: {json.dumps({'type': 'content_block_delta', 'index': 0, 'delta': {'type': 'text_delta', 'text': one}})}\n\n"
              for one in ["The ", "key", " is", " to", ": ", "read", " the", " token", " stream", "."]))
    lookalike("document", "json", json.dumps({"candidates": [{"content": {"parts": [{"text": "1. Boil water.\n2. Add 200 g of rice.\n3. Wait 12-15 minutes."}], "role": "model"}, "finishReason": "STOP",
              "avgLogprobs": -0.012345678901234567}], "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 31, "totalTokenCount": 40}, "modelVersion": "gemini-2.0-flash-001"}))
    lookalike("document", "json", json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": hexes("trace", 32), "spanId": hexes("span", 16), "parentSpanId": hexes("parent", 16), "name": "chat gpt-4o", "kind": 3,
              "startTimeUnixNano": "1760000000123456789", "endTimeUnixNano": "1760000001987654321", "attributes": [{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "1204"}},
              {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}}, {"key": "server.port", "value": {"intValue": "443"}}]}]}]}]}))
    lookalike("document", "json", json.dumps({"matches": [{"id": f"doc-{at:04}#chunk-{at}", "score": round(one / 65536, 7), "metadata": {"page": at * 17, "section": f"{at}.{at + 1}.2", "updated": 1760000000 + at}}
                                                         for at, one in zip(range(6), numbers("scores"))], "namespace": "default", "usage": {"readUnits": 6}}))
    lookalike("document", "json", json.dumps([{"sku": f"{hexes(f'sku {at}', 4, 'd')}-{hexes(f'sk {at}', 4, 'd')}-{hexes(f's {at}', 2, 'A')}", "price": 12.5 + at, "stock": at * 31, "id": uuid(f"sku {at}"),
                                               "size": "10 x 20 x 30 cm", "ean": "4006381333931"} for at in range(6)]))
    lookalike("document", "header", f"HTTP/1.1 200 OK\r\nDate: Wed, 04 Mar 2026 10:11:12 GMT\r\nContent-Type: application/json\r\nx-request-id: {ident('req_<x32>')}\r\nx-ratelimit-limit-tokens: 150000\r\n"
              f"x-ratelimit-remaining-tokens: 149984\r\nopenai-version: 2020-10-01\r\nstrict-transport-security: max-age=31536000\r\nCF-RAY: {hexes('ray', 16)}-FRA\r\nETag: W/\"{hexes('etag', 32)}\"\r\n\r\n")
    lookalike("document", "json", json.dumps({"error": {"message": "This model's maximum context length is 128000 tokens. However, your messages resulted in 131072 tokens.", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}}))


def pages():
    """Pages, pictures made of text, texts with many numbers."""
    path = " ".join(f"{'MLCQ'[one % 4]}{one % 97}.{one % 89} {one % 83}.{one % 79}" for one, _ in zip(numbers("path"), range(40)))
    lookalike("document", "svg", f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="24" height="24"><path fill="#0a84ff" d="{path}Z"/></svg>')
    lookalike("document", "javascript", '!function(e,t){"use strict";var n=t.key||e.token;function r(e){return e&&e.password?!0:!1}for(var o=0;o<1e3;o++)n[o]=255&o^170;t.a=r}(this,{});\n//# sourceMappingURL=app.4b77aeb7.js.map')
    lookalike("document", "json", json.dumps({"version": 3, "sources": ["../src/token.ts"], "names": ["token", "key"], "mappings": "AAAA,SAASA,MAAMC,GACb,OAAOA,EAAE,GAAGC,KAAK,IAAI;AACvB,MAAMC,IAAI,CAAC;AACX"}))
    lookalike("document", "css", ":root{--a:#0a84ff;--b:#1e1e2e80}.token{color:#f80;margin:0 1px 2px 3px}@media (min-width:640px){.key{grid-area:1/2/3/4}}@import url('a.css');")
    lookalike("document", "subtitles", "1\n00:00:01,000 --> 00:00:04,250\nThe secret is out.\n\n2\n00:00:04,500 --> 00:00:07,000\nWhat is the password?\n\n3\n00:00:07,200 --> 00:00:09,900\nNobody knows.\n")
    lookalike("document", "xml", '<gpx><trk><trkseg>' + "".join(f'<trkpt lat="52.5{one:05}" lon="13.4{one ^ 77:05}"><ele>{one % 90}.{one % 10}</ele><time>2026-03-04T10:{at:02}:12Z</time></trkpt>'
                                                              for at, one in zip(range(8), numbers("gpx"))) + "</trkseg></trk></gpx>")
    lookalike("document", "yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels: {app: web, version: 1.4.2}\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n      - name: web\n        image: registry.example.com/web@sha256:"
              + hexes("k8s", 64) + "\n        ports: [{containerPort: 8080}]\n        env:\n        - name: DB_PASSWORD\n          valueFrom: {secretKeyRef: {name: db, key: password}}\n        - name: MAX_TOKENS\n          value: \"4096\"\n        resources: {limits: {cpu: 500m, memory: 512Mi}}\n")
    lookalike("document", "yaml", "on: {push: {branches: [main]}}\njobs:\n  publish:\n    runs-on: ubuntu-24.04\n    permissions: {id-token: write, contents: read}\n    steps:\n    - uses: actions/checkout@" + hexes("action", 40)
              + "\n    - run: twine upload dist/*\n      env:\n        TWINE_PASSWORD: ${{ secrets.PYPI_TOKEN }}\n")
    lookalike("document", "dockerfile", "FROM python:3.12-slim@sha256:" + hexes("docker", 64) + "\nARG VERSION=1.4.2\nENV PYTHONUNBUFFERED=1 PORT=8080\nRUN --mount=type=secret,id=token pip install -r requirements.txt\nEXPOSE 8080\nCMD [\"python\", \"-m\", \"app\"]\n")
    lookalike("document", "markdown", "# API keys\n\nCreate a key in the dashboard, then set it:\n\n```sh\nexport OPENAI_API_KEY=<your key>\npip install openai==1.51.0\n```\n\n| Setting | Default | Meaning |\n|---|---|---|\n| `password` | none | password of the database |\n| `token_ttl` | 3600 | seconds a token lives |\n| `max_tokens` | 500 | most tokens of an answer |\n\nKeys start with `sk-`; never commit them. See section 4.2.1 and RFC 6749 (2012-10).\n")
    lookalike("document", "markdown", "## Changelog\n\n### 2.11.0 (2026-03-04)\n\n- **auth:** refresh tokens earlier (#1204), closes #1198\n- password policy: at least 12 characters\n- bump `tokenizers` from 0.19.1 to 0.20.3\n\n### 2.10.4 (2026-02-17)\n\n- fix: off-by-one at 10:59:59\n")
    lookalike("document", "python", "class Session:\n    def __init__(self, token: str, secret: bytes | None = None) -> None:\n        self._token = token\n        self._secret = secret or os.urandom(32)\n\n    @property\n    def token(self) -> str:\n        return self._token\n\n    def sign(self, message: bytes) -> str:\n        key = hashlib.sha256(self._secret).digest()\n        return hmac.new(key, message, 'sha256').hexdigest()\n")
    lookalike("document", "rust", "pub(crate) fn verify(password: &str, hash: &Hash) -> Result<Token, Error> {\n    let key = derive(password, hash.salt())?;\n    if key.as_ref() != hash.as_ref() {\n        return Err(Error::Password { tries: hash.tries + 1 });\n    }\n    Ok(Token::new(hash.user, Duration::from_secs(3_600)))\n}\n")
    lookalike("document", "sql", "CREATE TABLE users (\n  id BIGINT PRIMARY KEY,\n  password_hash TEXT NOT NULL,\n  token UUID DEFAULT gen_random_uuid(),\n  api_key_id INT REFERENCES api_keys(id),\n  created TIMESTAMPTZ DEFAULT '2026-03-04 10:11:12+00'\n);\nINSERT INTO sizes VALUES (1, 120.5, '10-12'), (2, 98.25, '8-10');\n")
    lookalike("document", "html", "<form action=\"/login\" method=\"post\"><label for=p>Password</label><input id=p type=\"password\" name=\"password\" required minlength=\"12\"><a href=\"/reset\">Forgot your password?</a><button>Sign in</button></form>")
    lookalike("document", "csv", "time,temp,pressure,humidity\n" + "".join(f"2026-03-04T10:{at:02}:00Z,{one % 300 / 10},{1000 + one % 30}.{one % 9},{one % 100}\n" for at, one in zip(range(20), numbers("weather"))))
    lookalike("document", "log", "".join(f"2026-03-04T10:11:{at:02}.{one % 1000:03}Z {'INFO' if one % 5 else 'WARN'} worker-{one % 8} request={uuid(f'log {at}')} model=gpt-4o tokens={one % 4096} took={one % 900}.{one % 10}ms status=200\n"
                                        for at, one in zip(range(15), numbers("log lines"))))
    lookalike("document", "prose", "Chapter 7. In 1914 the town had 12,345 people; by 1945 only 9,876 remained. The 3rd regiment marched 25-30 km a day, from 5:30 to 17:45, along road 117. Its motto, \"patience is the key\", was no secret: it stood above door no. 4711 of the old mill, 52.1205 N, 11.6276 E.")
    lookalike("document", "prose", "Patients took 2.5-5 mg twice daily (n = 1,204; 95 % CI 1.08-1.43; p = 0.0031). HbA1c fell from 8.1 to 7.2 %. See Tables 2-4, NCT01234567, doi:10.1056/NEJMoa2034577, N Engl J Med 2020; 383:2603-2615.")
    lookalike("document", "prose", "Spiel 3: Weiß zog 17. Sxf7, Schwarz gab nach 41 Zügen auf (2:14 h). Tabelle: 1. Berlin 24-8 48:16, 2. Hamburg 22-10 44:20, 3. Köln 21-11 42:22. Nächste Runde am 04.03.2026 um 19:30 Uhr, Halle 2, Block 115, Reihe 12.")


def everything():
    """All of this file's."""
    for part in (locks, services, pages):
        part()
