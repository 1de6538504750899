"""Look-alikes that are written: what people, programs and logs say that is nobody's data."""

from records import lookalike
from values import b64, string


def numbers():
    """Versions, measures, results: digits of all kinds."""
    lookalike("version", "mixed", "Version 1.2.3.4 fixes it.", "upgrade to v10.0.19041.1", "Chrome/120.0.0.0 Safari/537.36", "openssl 3.0.13",
              "Assembly version 4.0.30319.42000", "numpy==1.26.4", "image: nginx:1.25.3-alpine", "kernel 6.1.0-18-amd64", "^18.2.0 || >=19.0.0-rc.1",
              "Release 2024.11.2.1 notes", "go1.22.1 linux/amd64", "SDK version: 11.22.33.44", "jdk-17.0.9+9", "firmware version 7.12.1.9 is out",
              "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
              "anthropic-version: 2023-06-01", "api-version=2024-10-21", "section 4.1.2.3 of the manual", "RFC 9110 section 15.5.1",
              "OID 1.3.6.1.4.1.311.21.20", "OID 2.5.29.17", "schema 1.1.0-beta.4+build.20260304", "ver. 5.10.0.3 (stable)")
    lookalike("loopback", "mixed", "listening on 127.0.0.1:8080", "http://localhost:11434/api/chat", "bind 0.0.0.0", "ping ::1", "listen [::]:443")
    lookalike("model name", "json", '{"model":"gpt-4o-2024-08-06"}', '{"model":"claude-3-5-sonnet-20241022"}', '{"model":"gemini-1.5-pro-002"}',
              '{"model":"meta-llama/Llama-3.3-70B-Instruct"}', '{"model":"anthropic.claude-3-haiku-20240307-v1:0"}', '{"model":"ft:gpt-4o-mini-2024-07-18:acme::9aBcDeFg"}',
              "ollama pull qwen2.5-coder:32b-instruct-q4_K_M", "text-embedding-3-large has 3072 dimensions", "mistral-large-2411 vs o3-mini-2025-01-31",
              "sentence-transformers/all-MiniLM-L6-v2", "us.anthropic.claude-sonnet-4-20250514-v1:0", "accounts/fireworks/models/llama-v3p1-405b-instruct")
    lookalike("coordinates", "mixed", "52.520008, 13.404954", "40.7128° N, 74.0060° W", '{"lat":48.85661400,"lon":2.35222190}', "POINT(-122.419416 37.774929)",
              "EPSG:4326 bbox=5.98865807,47.30248810,15.01699589,54.98310416", "geo:37.786971,-122.399677", "UTM 33N 391779 5820062")
    lookalike("floats", "mixed", "pi is 3.14159265358979", "loss=0.000123456789 at step 12000", "1.7976931348623157e+308", "mean 12.345.678,90 EUR",
              "€ 1,234,567.89 in total", "0.1 + 0.2 = 0.30000000000000004", "6.02214076e23 per mole", "rate 1.08543 USD", "99.999999 % up", "x = -12345.6789012345")
    lookalike("token counts", "json", '{"max_tokens": 500}', '{"usage":{"prompt_tokens":1234,"completion_tokens":567,"total_tokens":1801}}',
              '{"max_completion_tokens":4096,"token_count":812}', "tokens: 128000 context, 16384 output", '{"input_tokens":25,"output_tokens":150,"cached_tokens":1024}',
              '{"usageMetadata":{"promptTokenCount":9,"totalTokenCount":12}}', "token_usage=1024 tokens_per_second=83.2", '{"stop_token_ids":[128001,128009]}',
              '{"x-ratelimit-remaining-tokens":"149984"}', "eos_token_id: 151645", "pad_token = '<pad>'", "num_tokens = 4096", "tokenizer: cl100k_base", "bos_token: <s>")
    lookalike("dates", "mixed", "from 2026-03-04 to 2026-03-11", "04.03.2026 - 11.03.2026", "born 1987-05-12?", "03/04/2026 10:15", "2026年3月4日", "4. März 2026, 10:15 Uhr",
              "le 04/03/2026 à 10h15", "1914-1918 and 1939-1945", "FY 2025-2026", "pp. 123-145", "12-03-2026 / 15-03-2026", "2026-W10-3", "Q3 2025: 12-14 weeks", "2019-2020-2021")
    lookalike("times and ratios", "mixed", "at 10:11:12 sharp", "from 09:30 to 17:45", "ratio 16:9 or 21:9", "02:03:04:05 timecode", "12:34:56:78 is a clip position",
              "score 3:2 after extra time", "John 3:16-17", "line 120:14: unexpected token", "main.rs:42:17", "elapsed 00:14:03.250", "24:00:00", "map 1:25000", "pace 4:35/km")
    lookalike("dimensions", "mixed", "1920x1080@60", "200 x 300 x 450 mm", "M8x1.25-6g", "205/55 R16 91V", "icon@2x.png", "4x4 matrix", "12-24 V, 3-5 A", "600-800-1000 grit",
              "A4 210 × 297 mm", "10-20-30 rule", "range 100-200, 300-400", "DIN 912 M6x20")
    lookalike("part number", "mixed", "P/N 84-3321-009-A", "part 555-1212-33-B", "MPN STM32F407VGT6", "CAS 7732-18-5", "SKU 4471-0092-XL", "NSN 5905-00-104-8332", "model WH-1000XM5",
              "Art.-Nr. 102.554.33", "IC NE555P, 8-DIP", "CPU E5-2680v4", "IEC 60601-1-2:2014", "ISO/IEC 27001:2022", "bearing 6204-2RS", "Teilenummer 1K0 615 301 AA", "CVE-2024-3094", "PEP 8, E501")
    lookalike("sports", "mixed", "6-4, 3-6, 7-6 (7-5)", "won 102-98 on Sunday", "batting .312/.401/.550", "3-5-2 against 4-3-3", "splits 24-31-28-22", "FC Bayern 3:1 (1:0)", "4-4-2 (2025-26)", "1-0 1-1 2-1 2-2")
    lookalike("chess", "mixed", "1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 4. Ba4 Nf6 5. O-O Be7", "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1", "1.d4 Nf6 2.c4 g6 3.Nc3 Bg7 1/2-1/2", "Qxf7# 1-0")
    lookalike("music and genes", "mixed", "90 3C 7F 80 3C 40 90 3E 7F", "C4-E4-G4 | F4-A4-C5", "ATGGCCATTGTAATGGGCCGCTGAAAGGGTGCCCGATAG", "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVV",
              "rs1801133 (C677T)", "chr17:43044295-43125483", "60 64 67 72 76", "F#m7 - B7 - Emaj7")
    lookalike("math", "mixed", "1+1=2, 2+2=4, 4+4=8", "f(x) = x^2 - 3x + 2", "12 * 34 + 56 / 78 - 90", "3 + 4 - 5 * 6 = -23", "1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144", "2^64 = 18446744073709551616",
              "sum(1..100) = 5050", "(1 2 3)(4 5 6)", "0b1010 1100 0011", "10^-9", "123456789 x 8 + 9 = 987654321", "i64::MAX is 9223372036854775807", "4294967295", "x ≡ 3 (mod 97)", "1/3 + 1/6 = 1/2")
    lookalike("amounts", "mixed", "1.234.567 Einwohner", "population 8 336 817", "USD 12,345,678", "1 000 000 000 bytes", "3 500 000 zł", "¥1,234,567", "12,34,567 rupees", "2 147 483 647", "0815", "4711")


CODE = {
    "python": ["@app.route('/login', methods=['POST'])\ndef login(password: str) -> bool: ...", "@pytest.mark.parametrize('n', [1, 2])", "x[1:10:2], y[::-1]", "token = tokenizer.encode(text)[0]",
               "password = getpass.getpass()", 'api_key = os.environ["OPENAI_API_KEY"]', "def check(password, token=None, *, secret=None):", "client = OpenAI(api_key=api_key)", "key = lambda item: item.score",
               "for key, value in data.items(): print(key)", "@dataclass(frozen=True)\nclass Token:\n    kind: str", "a @ b @ c.T", "secret = None", "self.password = password", "raise ValueError('missing api_key')"],
    "rust": ["use std::collections::HashMap;", "let key = map.get(&name).unwrap_or_default();", "fn token(&self) -> Option<&Token> { self.tokens.first() }", "std::net::Ipv6Addr::LOCALHOST", "a::b::c::<D>::e()", "let secret: Secret<String> = Secret::new(value);",
             "#[derive(Debug, Clone)]\npub struct ApiKey(String);", "impl From<u8> for Token { }"],
    "javascript": ["import { useState } from '@tanstack/react-query';", "npm i @babel/core@7.24.0 @types/node@20.11.5", "const token = await getToken();", "const apiKey = process.env.API_KEY;", "password: z.string().min(8)", "@Component({ selector: 'app-root' })",
                   "document.cookie.split(';')", "if (!user.password) return null;", "const { token } = req.headers;", "onKeyDown={(event) => handle(event.key)}", "import x from '@scope/pkg/sub.js'"],
    "java": ["@Override\npublic String getPassword() { return password; }", "@RequestMapping(\"/token\")", "private final String apiKey;", "@Value(\"${app.api.key}\")", "import java.security.KeyStore;", "@JsonProperty(\"access_token\") String accessToken"],
    "go": ["func (c *Client) SetToken(token string) error {", "key := fmt.Sprintf(\"%s:%d\", name, id)", "if cfg.Password == \"\" {", "token, err := lexer.Next()", "github.com/spf13/cobra v1.8.0", "apiKey := os.Getenv(\"API_KEY\")"],
    "c++": ["std::vector<std::pair<int, int>> v;", "ns::Class::method<ns::T>();", "::abort();", "std::string token = next_token(in);", "a ? b::c : d::e", "#include <openssl/evp.h>", "case 0xde: case 0xad: case 0xbe: break;"],
    "sql": ["SELECT id, password_hash FROM users WHERE token IS NOT NULL;", "ALTER TABLE users ADD COLUMN api_key VARCHAR(64);", "PRIMARY KEY (id), FOREIGN KEY (user_id) REFERENCES users(id)", "UPDATE t SET password = ? WHERE id = ?", "SELECT a::text, b::int FROM t", "CREATE INDEX key_idx ON t (key);", "INSERT INTO tokens (token) VALUES ($1)"],
    "shell": ["read -s -p 'Password: ' PASSWORD", "export PATH=/usr/local/bin:$PATH", "curl -H \"Authorization: Bearer $TOKEN\" https://api.example.com", "ssh-keygen -t ed25519 -f key", "mysql -u root -p", "docker login -u \"$USER\" --password-stdin", "echo ${DB_PASSWORD:?not set}",
              "kubectl get secret db -o yaml", "API_KEY=$(cat /run/secrets/api_key)", "chmod 0600 ~/.ssh/id_ed25519", "awk -F: '{print $1:$2}' /etc/passwd"],
    "other": ["password: ${{ secrets.DB_PASSWORD }}", "token = var.api_token", "secretKeyRef:\n  name: db\n  key: password", "public_key: true\nprimary_key: id\nsort_key: created_at", "api_key: ${API_KEY}", "$password = $_POST['password'];", "attr_accessor :token, :secret",
              "<input type=\"password\" name=\"password\" autocomplete=\"current-password\">", "<label for=\"password\">Password</label>", "--password-file /run/secrets/pw", "keyboard: us\nkeymap: de\nmonkey: patch", "password = {{ vault.password }}"],
}
SCHEMAS = [
    '{"type":"function","function":{"name":"login","parameters":{"type":"object","properties":{"password":{"type":"string","description":"The password"}},"required":["password"]}}}',
    '{"properties":{"api_key":{"type":"string"},"token":{"type":["string","null"]}}}',
    '{"name":"reset_password","description":"Sends a reset link","input_schema":{"type":"object","properties":{"user_id":{"type":"integer"}}}}',
    '{"properties":{"secret":{"type":"boolean","default":false},"password":{"type":"string","minLength":8}}}',
    '{"$defs":{"Credentials":{"properties":{"username":{"title":"Username","type":"string"},"password":{"title":"Password","type":"string"}}}}}',
    '{"required":["api_key","password","token"]}',
    '{"enum":["password","token","api_key","oauth"]}',
    '{"tool_choice":{"type":"function","function":{"name":"get_token_price"}}}',
    '{"password":null,"token":null,"api_key":""}',
    '{"type":"object","properties":{"email":{"type":"string","format":"email"},"phone":{"type":"string","pattern":"^[0-9+ -]+$"}}}',
    '{"auth":{"type":"none"},"secret":false,"token_type":"Bearer","expires_in":3600}',
    '{"parameters":{"properties":{"card_number":{"type":"string","description":"16 digits"},"iban":{"type":"string"}}}}',
    "type Token = { kind: string; secret?: boolean };",
    "password: string;\napiKey?: string;\n",
    "message Login { string user = 1; string password = 2; string token = 3; }",
    "input Login { email: String!, password: String! }",
]
TALK = {
    "en": ["How do I reset your password?", "Passwords must have at least 12 characters.", "I forgot my password and my token expired.", "The API key is missing, please set one.", "The secret of good coffee is patience.", "The key to success: practice.",
           "What is the difference between a token and a session?", "A password is required here.", "Never share your password with anybody.", "The password is wrong.", "Your token is invalid or has expired.", "Enter the password that was mailed to you.", "Token limit reached: try again later.",
           "You find the api key in the dashboard.", "Authorization is required for this endpoint.", "Use Bearer authentication, not Basic authentication.", "The bearer of this letter is my friend.", "Basic knowledge of Python is expected."],
    "de": ["Wie setze ich mein Passwort zurück?", "Das Passwort ist falsch.", "Bitte ändern Sie Ihr Kennwort regelmäßig.", "Der Schlüssel zum Erfolg: Übung.", "Passwort vergessen?", "Das Geheimnis ist gelüftet."],
    "fr": ["Mot de passe oublié ?", "Votre mot de passe est incorrect.", "La clé du succès : le travail.", "Le secret est bien gardé."],
    "es": ["¿Olvidó su contraseña?", "La contraseña es incorrecta.", "La clave del éxito: constancia.", "Cambie la contraseña cada año."],
    "pt": ["Esqueceu a senha?", "A senha está incorreta.", "A chave do sucesso: prática."],
    "pl": ["Nie pamiętasz hasła?", "Hasło jest nieprawidłowe.", "Klucz do sukcesu: praca."],
    "ru": ["Забыли пароль?", "Неверный пароль.", "Ключ к успеху: труд."],
    "ja": ["パスワードをお忘れですか?", "パスワードが正しくありません。", "成功の鍵は練習です。"],
    "zh": ["忘记密码?", "密码错误,请重试。", "成功的关键是练习。"],
    "ar": ["هل نسيت كلمة المرور؟", "كلمة المرور غير صحيحة."],
    "hi": ["क्या आप पासवर्ड भूल गए?", "पासवर्ड गलत है।"],
}


def code():
    """Source code, schemas and talk about secrets."""
    for language, texts in CODE.items():
        lookalike("code", language, *texts)
    lookalike("schema", "json", *SCHEMAS)
    for language, texts in TALK.items():
        lookalike("talk of secrets", language, *texts)
    lookalike("placeholder", "mixed", "OPENAI_API_KEY=<YOUR_API_KEY>", "export API_KEY=sk-...", "password: xxxxxxxx", "token: YOUR_TOKEN_HERE", "Authorization: Bearer <token>", "Authorization: Bearer $TOKEN", "password=********", "api_key: [REDACTED]", "password = <password>",
              "sk-ant-...", "ghp_" + "x" * 36, "Authorization: Bearer {token}", "https://user:<password>@host/db", "postgres://USER:PASSWORD@HOST:5432/DB", "--password <password>", "api_key=\"...\"", "secret: [CREDENTIAL]", "mail to <email>", "token=%s", "key: {{ api_key }}", "password: None", "AWS_SECRET_ACCESS_KEY=", "your-api-key-here",
              "Bearer XXXXXXXX", "xxxx-xxxx-xxxx-xxxx", "XXX-XX-XXXX", "(###) ###-####", "user@", "@example", "0000-0000-0000-0000")


def systems():
    """Names in systems, logs, texts."""
    lookalike("arn", "mixed", "arn:aws:s3:::my-bucket/path/*", "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-v2:1", "arn:aws:iam::aws:policy/ReadOnlyAccess", "projects/demo-1/locations/europe-west4/publishers/google/models/gemini-2.0-flash",
              "/subscriptions/rg/providers/Microsoft.CognitiveServices/accounts/oai", "gs://bucket/data/part-00000-of-00128.parquet", "vpc-0a1b2c3d4e5f60718", "i-0abcd1234ef567890", "ami-0c55b159cbfafe1f0", "s3://models/llama/shard_00017.safetensors")
    lookalike("colour", "source code", "color: #ff8800; background: #1e1e2e80;", "rgba(255, 136, 0, 0.5)", "hsl(210 40% 96%)", "--brand: #0A84FF;", "fill=\"#DEADBE\"", "box-shadow: 0 1px 2px 0 rgb(0 0 0 / 0.05);")
    lookalike("path", "mixed", "/usr/lib/python3.11/site-packages/requests/auth.py", "C:\\Users\\Public\\Documents\\token.txt", "./node_modules/.pnpm/@babel+core@7.24.0/node_modules", "/proc/1234/fd/56", "../../secrets/README.md", "/etc/passwd", "src/password/reset.test.ts", "~/.ssh/known_hosts", "file:///tmp/key.txt",
              "/var/log/auth.log.2.gz", "/v1/organizations/keys", "https://example.com/reset-password", "https://example.com/docs/authentication#api-keys", "https://example.com/a?page=2&sort=key&order=asc", "https://example.com/?q=what+is+a+token&lang=en", "https://example.com/watch?v=dQw4w9WgXcQ", "https://example.com/p/4f1a2b3c#L120-L145")
    lookalike("scope", "mixed", "@types/node", "@angular/core@17.1.0", "pkg:npm/%40angular/core@17.1.0", "actions/checkout@v4", "user/repo@main", "@media (max-width: 600px)", "@param password the password", "@SuppressWarnings(\"unchecked\")", "hi @team, see above", "follow @nobody on the forum", "3 apples @ 1.20 each", "foo@bar", "name@localhost only",
              "docker.io/library/redis:7@sha256", "lib@1.2.3", "Ctrl+@", "@0x1f", "@example.com is our domain")
    lookalike("log", "log line", "2026-03-04T10:11:12.123Z INFO server started port=8080 pid=4242 threads=16", "[2026-03-04 10:11:12,123] {a.py:120} WARNING - retry 3/5 in 00:00:08", "level=info msg=\"GET /v1/models\" status=200 dur=12.3ms bytes=18231", "E0304 10:11:12.123456    4242 pod.go:120] sync failed",
              "Mar  4 10:11:12 web kernel: [12345.678901] eth0: link up, 1000 Mbps", "java.lang.NullPointerException\n\tat com.example.Token.next(Token.java:42)", "goroutine 18 [running]:\nmain.main()\n\t/src/main.go:17 +0x1d", "#0 0x00007f3a1c2b4e10 in poll () from /lib/libc.so.6", "10:11:12.123 [main] DEBUG TokenFilter - token accepted", "heap 1234M/4096M gc 12ms 0.8%",
              "INFO auth: login ok, session started", "rejected: password too short (min 12)", "WARN token expired 00:12:04 ago", "x-ratelimit-limit-requests: 10000\r\nx-ratelimit-reset-tokens: 6m0s\r\n", "cf-ray: 8f1a2b3c4d5e6f70-FRA", "openai-processing-ms: 812", "Content-Type: application/json; charset=utf-8\r\nContent-Length: 1234\r\n", "accept-encoding: gzip, deflate, br", "server: envoy\r\nvia: 1.1 google\r\nage: 0", "cache-control: max-age=31536000, immutable")
    lookalike("licence", "en", "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files.", "Licensed under the Apache License, Version 2.0 (the \"License\"); you may not use this file except in compliance with the License.", "Copyright (c) 2015-2026, all rights reserved.")
    lookalike("law", "mixed", "Nach Artikel 17 Absatz 1 DSGVO sind Daten unverzüglich zu löschen.", "Conformément à l'article 6.1 du RGPD, le traitement est licite.", "Según el artículo 18.3 de la Constitución, se garantiza el secreto.", "Nos termos da Lei 13.709/2018, artigo 7.", "Zgodnie z art. 6 ust. 1 lit. b RODO.", "В соответствии со статьёй 23 Конституции.", "個人情報保護法第27条第1項による。", "根据《个人信息保护法》第13条。", "وفقا للمادة 12 من القانون رقم 175.", "अनुच्छेद 21 के अनुसार निजता का अधिकार है।", "17 CFR 240.10b-5", "2016/679/EU")
    lookalike("prose", "mixed", "The meeting is on 4 March in room 3.14 on floor 2.", "Bus 100 goes every 10-12 minutes from stop 7.", "Chapter 12, verse 7, lines 120-145.", "Flight LH 400 leaves at 10:35 from gate B42.", "Set the oven to 180-200 °C for 25-30 minutes.", "Die Fahrt mit der Linie 12 dauert 45 Minuten.", "人口は1億2345万人です。", "今天气温是23到28度。", "Le train de 18 h 45 part voie 12.", "В 2026 году выросло на 12,5 %.",
              "Postcode SW1A 1AA, house 10", "75001 Paris", "D-10115 Berlin", "Apt. 4B, Springfield", "seat 23A, row 12", "The ID of the job is 7.", "My favourite number is 42.", "IBAN stands for International Bank Account Number.", "SSN means social security number.", "An IPv4 address has four octets.", "Visa, Mastercard and Amex are accepted.", "Your phone is ringing.", "Email me later, please.", "A MAC address has 48 bits.",
              "Dial 911 in an emergency.", "Hotline 110 or 112", "room 0415, building 555", "Load 555 timer circuit 0132", "vol. 12, no. 3, pp. 1234-1256")


def places():
    """Nothing, in the places where something might hide."""
    note = "The quick brown fox jumps over the lazy dog, twice on Sundays and never on Mondays."
    arguments = string({"query": "weather in Paris", "days": 3, "since": 1760000000, "version": "1.2.3"})
    lookalike("nothing", "json in json", string({"function": {"name": "forecast", "arguments": arguments}}), string({"a": string({"b": string({"n": 1, "text": "hello\nworld"})})}),
              string({"arguments": string({"password_policy": "strict", "max_tokens": 500})}))
    lookalike("nothing", "base64", f"Decode {b64(note)} for me.", f"data:text/plain;base64,{b64(note)}", string({"content": b64(note), "encoding": "base64"}), b64("\x00\x01 not text \x02" * 9))
    lookalike("nothing", "percent-encoded", "/search?q=caf%C3%A9%20cr%C3%A8me&n=1", "https://example.com/go?to=https%3A%2F%2Fexample.org%2Fdocs%3Fpage%3D2", "100%25 sure, 5%252F6 done", "%E4%BD%A0%E5%A5%BD")
    lookalike("nothing", "html entities", "&lt;div class=&quot;a&quot;&gt;5 &amp; 6&lt;/div&gt;", "Caf&eacute; &#8364; 12 &#x2713;", "&nbsp;&nbsp;&copy; 2026")
    lookalike("nothing", "json escapes", r'{"text":"caf\u00e9 \ud83d\ude00 \"quoted\" \/ path\tend"}', r'{"path":"C:\\temp\\new\\token.txt"}', r'{"re":"^\\d{3}-\\d{4}$"}')
    lookalike("nothing", "zero width", "👨\u200d👩\u200d👧 family", "می\u200cخواهم بروم", "soft\u00adhyphen\u00adated words", "\ufeffbegin of file", "क्\u200dष")
    lookalike("nothing", "full width", "ＡＢＣ１２３です", "価格は１２，３４５円です", "２０２６年３月４日")
    lookalike("nothing", "markdown", "| a | b |\n|---|---|\n| 1.5 | 2026-03-04 |\n", "**Note:** see [docs](https://example.com/docs#key) and `max_tokens`.", "```rust\nlet key = 5;\n```", "1. one\n2. two\n", "- [x] rotate the API key\n- [ ] write the docs")
    lookalike("nothing", "stream event", 'data: {"choices":[{"delta":{"content":"Hello"},"index":0,"finish_reason":null}]}\n\n', "data: [DONE]\n\n", "event: ping\ndata: {}\n\n", ": keep-alive\n\n")
    lookalike("nothing", "terminal", "\x1b[1;31merror\x1b[0m: 3 tests failed", "\x1b[2K\r 45% 120/267 00:12")
    lookalike("nothing", "resource attributes", "OTEL_RESOURCE_ATTRIBUTES=service.name=shop,service.version=1.4.2,deployment.environment.name=prod", "k8s.pod.name=web-6d4f9c-x2x9k,host.arch=amd64,process.pid=4242")
    lookalike("nothing", "json", '{"name":"max_tokens","value":"500"}', '{"name":"token_type","value":"Bearer"}', '["--max-tokens","500","--stop-token","<s>"]', '{"password":"","n":1}', '{"key":"colour","value":"blue"}', '["content-type","application/json"]', '{"key":"README.md","size":1234}',
              '{"role":"user","content":"What is a good password policy?"}', '{"finish_reason":"stop","logprobs":null,"index":0}', '{"input":"token","output":["to","ken"]}', '{"auth":null,"headers":{"accept":"*/*"}}')
    lookalike("nothing", "html", '<input type="password" value="">', '<meta name="viewport" content="width=device-width, initial-scale=1">', "<td>token</td><td>512</td>", '<a href="#key-features">Key features</a>')
    lookalike("nothing", "csv", "token,count\nthe,120\nof,97\n", "key,value\ncolour,blue\nsize,12\n", "user,password_age_days\nanna,12\n")
    lookalike("nothing", "typography", "pages 120–145 and 3‑5", "1\u202f234\u202f567 habitants", "10\u00a0000\u00a0km en 3\u00a0h\u00a045", "2026\u201103\u201104", "version 1.2.3\u2011rc.4", "1939–1945, 1914–1918")
    lookalike("nothing", "command line", "curl -sS https://api.example.com/v1/models | jq '.data[].id'", "git commit -m 'password reset: mail is sent'", "docker run -p 8080:80 --name web nginx:1.25", "ssh -p 2222 -i ~/.ssh/id_ed25519 host.example.com", "mkdir -p src/token && cp -a a b", "python -m pip install -U requests==2.31.0", "kubectl get pods -A -w", "tar -xzf a.tar.gz -C /opt", "ls -la --color=auto", "./serve --max-tokens 500 --port 8080")
    lookalike("nothing", "chat", "Hallo, können Sie mir bei der Steuererklärung helfen?", "Bonjour, quel temps fait-il à Lyon ?", "Hola, ¿qué hora es?", "Olá, tudo bem?", "Cześć, jak leci?", "Привет, как дела?", "こんにちは、元気ですか?", "你好,今天怎么样?", "مرحبا، كيف حالك؟", "नमस्ते, आप कैसे हैं?")


def everything():
    """All of this file's."""
    for part in (numbers, code, systems, places):
        part()
