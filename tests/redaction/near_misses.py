"""Look-alikes that come close: what has the shape of a class but for one thing that tells."""

from records import lookalike
from values import draw, luhn, numbers


def numbers_of_things():
    """Digits that are grouped as somebody's numbers are."""
    lookalike("postal code", "mixed", "Boston, MA 02110-1301", "Beverly Hills CA 90210-4817", "〒100-0001 東京都千代田区", "〒150-0002", "00-950 Warszawa", "1000-001 Lisboa", "01310-100 São Paulo", "110 00 Praha 1", "101000 Москва", "CH-8001 Zürich", "EC1A 1BB London")
    floats = [round((one - 32768) / 65536, 8) for one, _ in zip(numbers("near floats"), range(24))]
    lookalike("floats in text", "mixed", "embedding: " + ", ".join(map(str, floats[:8])), "[" + " ".join(map(str, floats[8:16])) + "]", "x = np.array([" + ", ".join(map(str, floats[16:])) + "])",
              "tensor([0.41234567, 0.20123456, 0.02079461])", "lr: 0.00030000, wd: 0.01000000", "0.25047302\n0.20635986\n0.06100464", "51.50735090, -0.12775830", "1.41421356237, 2.71828182845", "p95=0.20635986 p99=0.41234567")
    lookalike("code of goods", "mixed", "ISBN 3-16-148410-X", "ISBN 0-19-852663-6", "UPC 012345678905", "GTIN-14 10614141000415", "Article number 600-800-1000", "Serial 0123-4567-8901", "Model 415-555A", "BIC COBADEFFXXX", "HRB 12345 Amtsgericht Köln", "ICD-10 E11.9, I10", "FDA NDC 0777-3105-02",
              "RGB 255-128-000", "Pantone 415 C, 555 C", "Lot 20260304-0132", "Batch 07/2026-1234")
    lookalike("lists of numbers", "mixed", "01 02 03 04 05 06 07 08 09 10 11 12", "3 12 24 31 40 45", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", "1-2-3-4-5-6-7-8-9", "10 20 30 40 50 60 70 80", "2020 2021 2022 2023 2024", "00 01 02 03 04 05 06 07", "1 234 567 890 Sterne", "100 200 300 400 500 600", "(12, 34), (56, 78), (90, 12)", "0 1 1 2 3 5 8 13 21 34 55",
              "7 days, 24 hours, 60 minutes", "12.03. 14.03. 16.03. 18.03.", "+1 -1 +2 -2", "+10 %, +20 %, +30 %", "1+1+1+1+1+1+1+1+1+1", "+12345.67 USD", "Δ = +0.1234567", "UTC+01:00", "GMT+0530", "2026-03-04T10:11:12+01:00", "+3 HP, -2 MP")
    for at, (label, text) in enumerate([("discord", "message {} was pinned"), ("tweet", "status/{}"), ("snowflake", '{{"id":"{}","type":0}}'), ("facebook", "post {}"), ("ad", "campaign {} paused"), ("sku", "SKU {}")]):
        value = next(one for one in (("1" if at % 2 else "9") + draw(f"near {label} {turn}", "d", (18, 17, 18, 15, 14, 11)[at]) for turn in range(99)) if not luhn(one))
        lookalike("snowflake", "mixed", text.format(value))
    lookalike("device path", "mixed", "GPU 00000000:01:00.0", "PCI 0000:3b:00.0", "ffmpeg -i a.mkv -map 0:v:0 -map 0:a:1", "usb 1-2.3:1.0", "block 8:16", "DE:AD:BE:EF", "12:34:56", "0:00:00:00", "a:b:c:d:e:f:g:h:i", "0x1A:0x2B", "tty 4:64", "crw-rw---- 1 root 5, 1")


def scopes():
    """Colons and at signs in code and systems."""
    lookalike("scope operator", "code", "a[1::2] + b[::2] + c[1::]", "x[:, ::2]", "Face::Add(1)", "ab::cd::ef();", "fn f() -> a::B", "main :: IO ()", "li::before { content: '' }", "input::placeholder", "DB::table('x')", "Foo::Bar.baz", "d::e", "use crate::a::b::c;", "x::[]", "10 :: Int", "SELECT '1'::int", "std::array<int, 3>{}", "cast(a)::b", "std::ffi::c_void")
    lookalike("at sign", "mixed", "getty@tty1.service", "wg-quick@wg0.service", "user@1000.service", "logo@3x.jpg", "sprite@2x.webp", "react@^18.2.0", "react@npm:18.2.0", "ssh deploy@web1", "root@localhost:~# ls", "v1.2.3@abc1234", "@import 'a.css';", "@Test(timeout = 100)", "@see #next()", "$user@$host", "${name}@${domain}",
              "%s@%s.%s", "<name>@<domain>", "eslint@9.1.1", "import('x@latest')", "registry/app:1.2@digest", "pay 5 @ 3 USD", "meet @ 10:30", "me@", "@@ -1,7 +1,9 @@", "a @> b", "x <@ y", "f@g@h", "@media print", "[email protected]")


def names():
    """What begins as keys do, and names that have a word for secrets in them."""
    lookalike("prefix", "mixed", "Keys start with `ghp_` or `github_pat_`.", "sk-learn and scikit", "locale sk-SK", "struct sk_buff *skb", "hf_hub_download(repo_id)", "xai-org/grok-1", "pplx-70b-online", "npm_config_registry", "npm_lifecycle_event=test", "jina_embeddings_v3", "key-value-store-with-a-long-name", "secret_manager_service_client_factory",
              "sk_sp_get_block_info_from_program", "pa-risc and pa-lock", "AKIA is how key ids begin.", "eyJ is base64 of {\"", "An xoxb- token is a bot's.", "The prefix is sk-ant-api03-.", "pat-a-cake", "glpat- is GitLab's", "re_search_pattern", "ops_total 12", "cio_read_write", "fw_version 1.2", "rk_live is Stripe's restricted", "gsk_set_value()", "org_id, user_id, app_id",
              "SG.1 and SG.2 are groups", "AIza… is Google's", "dapi is a Databricks prefix", "whsec_ signs webhooks", "shpat_ is Shopify's", "tskey-auth- is short-lived", "nvapi-… from NVIDIA", "sess-1", "key-1, key-2, key-3", "pul-request", "r8_unorm and r16_float")
    lookalike("name of secrets", "mixed", 'password_field = driver.find_element(By.ID, "password")', '{"token_endpoint":"https://id.example.com/token"}', "secretName: db", "secret_name: db-credentials", 'password_hash_algorithm = "argon2id"', "ssl_key_path: /etc/ssl/key.pem", '{"api_key_header":"X-Api-Key"}', '{"grant_type":"password"}', "token_type=bearer",
              'fetch(url, { credentials: "include" })', "bearerFormat: JWT", '{"securitySchemes":{"bearerAuth":{"type":"http","scheme":"bearer"}}}', 'stop_token: "###"', "token_limit: 8192", "key_size = 2048", "password_min_length=12", "passwordless: true", "require_password: true", "secret_rotation_days=90", "token_expiry: 3600s", "tokens_per_minute: 90000", "keys: [id, name]",
              'Accept-Encoding: gzip\nAuthorization-Type: none', "auth_mode = oauth2", "author: nobody", "authority=example.com", "author_id: 7", "tokenization=bpe", "monkeypatch.setattr('a.b', 1)", "keyframes: 12", "hotkey = ctrl+k", "passport_required: no", "passenger_count=4", "compass: north", "bypass=true", "secretary: Ms Roe", "partition_key=user_id", "cache_key: v1-linux-node", "foreign_keys = ON", "tokenId: 12", "session_timeout=3600", "pin_memory=True", "salt and pepper", "signature: def f(x: int) -> int", "is_secret = False", "key_results: 3 of 5", "encoding_key = 'utf-8'", "sort_key: created")


def everything():
    """All of this file's."""
    for part in (numbers_of_things, scopes, names):
        part()
