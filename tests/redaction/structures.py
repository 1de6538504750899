"""Names and values that stand apart from each other, values with signs in them, and how word processors and models write."""

import json

from records import positive
from values import draw, shape, string

# A name and its value, further from each other than by one sign.
PAIRS = [
    ("json", '{{"name":"Authorization","value":"Bearer {}"}}', "<w40>"),
    ("json", '{{"name":"DB_PASSWORD","value":"{}"}}', "<b14>"),
    ("json", '{{"key": "client_secret", "value": "{}", "enabled": true}}', "<w40>"),
    ("json", '["authorization","Bearer {}"]', "<w40>"),
    ("json", '{{"args":["mysql","-u","root","--password","{}","crm"]}}', "<b14>"),
    ("json", '{{"args":["psql","--password={}","crm"]}}', "<b14>"),
    ("json", '{{"headers":[["accept","*/*"],["x-api-key","{}"]]}}', "<b40>"),
    ("json", '{{"password":{{"value":"{}"}},"n":1}}', "<b14>"),
    ("json", '{{"passwords":["{}"],"n":1}}', "<b14>"),
    ("json", '{{"password":{},"n":1}}', "<d8>"),
    ("json", '{{"secrets":{{"smtp":"{}"}}}}', "<b24>"),
    ("yaml", "password: |\n  {}\nport: 80\n", "<b14>"),
    ("yaml", "password: >-\n  {}\nport: 80\n", "<b14>"),
    ("yaml", "password:\n  value: {}\nport: 80\n", "<b14>"),
    ("yaml", "- {{name: API_TOKEN, value: {}}}\n", "<b40>"),
    ("source code", '("password", "{}")', "<b14>"),
    ("source code", 'props.setProperty("db.password", "{}");', "<b14>"),
    ("source code", 'config.set("api_key", "{}")', "<b40>"),
    ("source code", '.header("Authorization", "Bearer {}")', "<w40>"),
    ("source code", '.basic_auth("app", Some("{}"))', "<b14>"),
    ("source code", "auth=('admin', '{}')", "<b14>"),
    ("source code", "os.environ.setdefault('API_SECRET', '{}')", "<b32>"),
    ("source code", 'os.getenv("DB_PASSWORD", "{}")', "<b14>"),
    ("source code", 'const password: string = "{}";', "<b14>"),
    ("source code", 'ConvertTo-SecureString "{}" -AsPlainText -Force', "<b14>"),
    ("command line", "curl -d '{{\"user\":\"app\",\"password\":\"{}\"}}' https://api.example.com/login", "<b14>"),
    ("command line", "curl -F password={} https://api.example.com/login", "<b14>"),
    ("command line", "curl --data-urlencode 'client_secret={}' https://api.example.com/token", "<w40>"),
    ("command line", "echo '{}' | docker login --username ci --password-stdin", "dckr_pat_<w27>"),
    ("command line", "setx DB_PASSWORD {}", "<b14>"),
    ("command line", "http POST api.example.com/login password={}", "<b14>"),
    ("command line", "kubectl create secret generic db --from-literal=api-key={}", "<b32>"),
    ("log line", 'payload="{{\\"user\\":\\"app\\",\\"password\\":\\"{}\\"}}" status=200', "<b14>"),
    ("log line", "params: {{:user=>\"app\", :password=>\"{}\"}}", "<b14>"),
    ("log line", "Config(user='app', password='{}', port=5432)", "<b14>"),
    ("log line", "Config {{ user: \"app\", password: \"{}\", port: 5432 }}", "<b14>"),
    ("log line", "headers=[('x-api-key', '{}'), ('accept', '*/*')]", "<b40>"),
    ("log line", "{{'Authorization': 'Bearer {}', 'Accept': '*/*'}}", "<w40>"),
    ("markdown", "**Password:** {}\n", "Qm4!<b9>"),
    ("markdown", "- **API key**: `{}`\n", "<b40>"),
    ("markdown", "Password: `{}`\n", "Rt7#<b9>"),
    ("html", '<input type="password" value="{}">', "<b14>"),
    ("html", "<b>Password:</b> {}<br>", "<b14>"),
    ("html", '<meta name="csrf-token" content="{}">', "<b40>"),
    ("html entities", "password=&quot;{}&quot;", "<b14>"),
    ("form", "grant_type=password&username=app&password={}&scope=all", "<b14>"),
    ("form", '--x\r\nContent-Disposition: form-data; name="password"\r\n\r\n{}\r\n--x--\r\n', "<b14>"),
    ("json in json", '{{"arguments":"{{\\"headers\\":{{\\"Authorization\\":\\"Bearer {}\\"}}}}"}}', "<w40>"),
    ("json in json", '{{"arguments":"{{\\"cmd\\":\\"mysql -u root -p{} crm\\"}}"}}', "<b14>"),
    ("json in json", '{{"arguments":"{{\\"url\\":\\"postgres://app:{}@db/crm\\"}}"}}', "<b14>"),
    ("json in json", '{{"arguments":"{{\\"env\\":\\"DB_HOST=db\\\\nDB_PASSWORD={}\\\\nDB_PORT=5\\"}}"}}', "<b14>"),
]
# Passwords with signs in them: all of each must go.
SIGNS = [
    ("json", '{{"password":"{}","n":1}}', "Ab;cd,ef gh:ij"),
    ("json", '{{"password":"{}","n":1}}', "Зима-и-Лето-25"),
    ("json", '{{"password":"{}","n":1}}', "p@ss}w0rd{x]y"),
    ("source code", 'password = "{}"', "it's a long (secret) one"),
    ("source code", "password = '{}'", 'say "hi" to 7 dwarfs'),
    ("yaml", "password: '{}'\n", "one # two: three"),
    ("environment", 'DB_PASSWORD="{}"\n', "top=secret&more=1"),
    ("environment", "DB_PASSWORD={}\nPORT=1\n", "a$b%c^d&e*f"),
    ("ini", "password = {}\nport = 1\n", "Zw!x<y>z/q?r"),
    ("chat", "My password is “{}”, thanks.", "Tulip-River-88"),
    ("chat", "Mein Passwort ist „{}“.", "Sommer!Regen-31"),
    ("chat", "パスワードは「{}」です。", "Hana#Mizu-2025"),
    ("chat", "Mon mot de passe est « {} ».", "Neige!Blanche-5"),
    ("xml", "<password>{}</password>", "a;b,c.d e-f:g"),
]
# How word processors and language models set numbers: hyphens that do not break, narrow spaces, dashes.
SET = [
    ("phone", "en", "Call {} today.", "+1\u2011415\u2011555\u20110132"),
    ("phone", "en", "Call {} today.", "+1\u00a0415\u00a0555\u00a00132"),
    ("phone", "fr", "Appelez le {} demain.", "+33\u202f1\u202f99\u202f00\u202f12\u202f34"),
    ("phone", "de", "Telefon: {}", "+49 (0)30 23125-123"),
    ("phone", "en", "Phone: {}", "+44 (0)20 7946 0958"),
    ("phone", "de", "Tel.: {}", "+49 30 / 23 12 51 23"),
    ("phone", "en", "Fax: {}", "+1.415.555.0132"),
    ("phone", "en", "Call {} today.", "+1 415\u2013555\u20130132"),
    ("card", "en", "Card {} please.", "4111\u20111111\u20111111\u20111111"),
    ("card", "fr", "La carte {} est refusée.", "4111\u202f1111\u202f1111\u202f1111"),
    ("card", "en", "Card {} please.", "5555\u00a05555\u00a05555\u00a04444"),
    ("iban", "fr", "Mon IBAN : {}", "FR14\u00a02004\u00a01010\u00a00505\u00a00001\u00a03M02\u00a0606"),
    ("iban", "de", "IBAN: {}", "DE89\u202f3704\u202f0044\u202f0532\u202f0130\u202f00"),
    ("national_id", "en", "My social security number is {}.", "536\u201190\u20114399"),
    ("national_id", "en", "SSN: {}", "536\u201390\u20134399"),
    ("email", "en", "Mail: {} please", "k\\_1987\\_long@example.com"),
    ("email", "en", "[{0}](mailto:{0})", "anna.berg@example.com"),
    ("email", "en", "\\href{{mailto:{}}}{{mail}}", "tex.user@example.com"),
    ("email", "en", 'Write to {} now.', '"john doe"@example.com'),
    ("email", "en", "From: =?utf-8?Q?Roe?= <{}>", "mime.roe@example.com"),
    ("ip", "en", "via {} now", "fe80::1ff:fe23:4567:890a%eth0"),
    ("ip", "en", "range {}", "203.0.113.10-203.0.113.20"),
]


def everything():
    """All of this file's."""
    for place, text, pattern in PAIRS:
        value = shape(pattern, text)
        positive("credential", place, "en", text.format(value), value)
    for place, text, value in SIGNS:
        stands = string(value)[1:-1] if place == "json" else value
        positive("credential", place, "", text.format(stands), value, stands)
    for kind, language, text, value in SET:
        positive(kind, "typography", language, text.format(value), value)
    # A table of credentials, and a document of tools with more than one.
    users = [("anna", draw("table 1", "b", 14)), ("omar", draw("table 2", "b", 14))]
    rows = "".join(f"| {user} | {password} |\n" for user, password in users)
    positive("credential", "markdown", "en", "| user | password |\n|---|---|\n" + rows, [one for _, one in users])
    rows = "".join(f"{user},{password},2026-03-04\n" for user, password in users)
    positive("credential", "csv", "en", "user,password,created\n" + rows, [one for _, one in users])
    key, password = shape("<b40>", "config key"), shape("<b14>", "config password")
    config = {"db": {"host": "db", "password": password}, "search": {"apiKey": key, "url": "https://s.example.com"}}
    for text in (json.dumps(config, indent=2), json.dumps({"text": json.dumps(config)}), json.dumps({"a": json.dumps({"b": json.dumps(config)})})):
        place = "json" if text.startswith("{\n") else "json in json"
        positive("credential", place, "en", text, [password, key])
