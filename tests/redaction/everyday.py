"""What administrators, accountants and programs write every day: tools' own notations, and what comes close to them."""

import json

from hiding import sample
from records import lookalike, positive
from values import b64, draw, jwt, luhn, pem, percent, shape, string

# Place, text, and the secret's shape: each tool as its manual shows it.
TOOLS = [
    ("ini", "machine api.example.com\n  login ci\n  password {}\n", "<b20>"),
    ("ini", "[web]\nhost1 ansible_user=root ansible_ssh_pass={} ansible_port=22\n", "<b14>"),
    ("ini", "requirepass {}\nmaxmemory 2gb\n", "<b24>"),
    ("ini", "aws_access_key_id = x\naws_secret_access_key={}\noutput = json\n", "<s40>"),
    ("toml", 'auth = {{ user = "app", password = "{}" }}\n', "<b14>"),
    ("toml", 'db_password          = "{}"\ninstance_count       = 3\n', "<b16>"),
    ("yaml", "    environment:\n      - POSTGRES_USER=app\n      - POSTGRES_PASSWORD={}\n", "<b16>"),
    ("yaml", "stringData:\n  username: app\n  password: \"{}\"\n", "<b16>"),
    ("yaml", "secrets:\n  smtp: {}\n  imap: none\nport: 80\n", "<b24>"),
    ("yaml", "api_keys:\n  - {}\n  - name\n", "<b32>"),
    ("yaml", "vars:\n  vault_token: &tok \"{}\"\n  copy: *tok\n", "hvs.<w90>"),
    ("xml", '<property name="password" value="{}"/>', "<b14>"),
    ("xml", '<entry key="db.password">{}</entry>', "<b14>"),
    ("xml", '<password encoding="plain">{}</password>', "<b14>"),
    ("xml", "<key>Password</key>\n<string>{}</string>", "<b14>"),
    ("html", "<tr><td>Password</td><td>{}</td></tr>", "<b14>"),
    ("command line", "helm upgrade db bitnami/postgresql --set auth.password={} --wait", "<b16>"),
    ("command line", "PGPASSWORD={} pg_dump -h db -U app crm", "<b14>"),
    ("command line", "MYSQL_PWD='{}' mysqldump crm > crm.sql", "<b14>"),
    ("command line", "vault kv put secret/db username=app password={}", "<b16>"),
    ("command line", "aws configure set aws_secret_access_key {} --profile ci", "<s40>"),
    ("command line", "heroku config:set SECRET_KEY={} --app shop", "<b40>"),
    ("command line", "gpg --batch --passphrase '{}' -d file.gpg", "<b16>"),
    ("command line", "az login --service-principal -u app --password {} --tenant t", "<w34>"),
    ("command line", "export TOKEN={}; ./run.sh", "<b40>"),
    ("command line", "docker run -e REDIS_PASSWORD={} -p 80:80 app", "<b16>"),
    ("source code", 'os.Setenv("API_TOKEN", "{}")', "<b40>"),
    ("source code", 'System.setProperty("javax.net.ssl.keyStorePassword", "{}");', "<b14>"),
    ("source code", 'val apiKey: String = "{}"', "<b32>"),
    ("source code", 'const API_KEY: &str = "{}";', "<b32>"),
    ("source code", "$db['password'] = '{}';", "<b14>"),
    ("source code", 'ENV.fetch("PAYMENT_SECRET", "{}")', "<b32>"),
    ("source code", "my $password = '{}';", "<b14>"),
    ("source code", 'local db_password = "{}"', "<b14>"),
    ("source code", 'Sys.setenv(API_KEY = "{}")', "<b32>"),
    ("source code", 'db.createUser({{user: "app", pwd: "{}", roles: []}})', "<b14>"),
    ("source code", "CREATE ROLE app LOGIN PASSWORD '{}' VALID UNTIL 'infinity';", "<b14>"),
    ("source code", "SET PASSWORD FOR 'app'@'%' = '{}';", "<b14>"),
    ("source code", 'mutation {{ login(user: "anna", password: "{}") {{ token }} }}', "<b14>"),
    ("source code", "#define WIFI_PASSWORD \"{}\"", "<b14>"),
    ("source code", "{{password: '{}', retries: 3}}", "<b14>"),
    ("source code", 'proxy_set_header Authorization "Bearer {}";', "<w40>"),
    ("source code", "http.DefaultHeaders.Add(\"X-Api-Key\", \"{}\");", "<b36>"),
    ("log line", "Credentials[user=app, password={}, realm=x]", "<b14>"),
    ("log line", "> X-Api-Key: {}\r\n> Accept: */*\r\n", "<b36>"),
    ("log line", "sshd[12]: env PASSWORD={} refused", "<b14>"),
    ("log line", "level=info msg=\"connected\" db_password={} took=12ms", "<b14>"),
    ("log line", "[DEBUG] token='{}' (len 40)", "<b40>"),
    ("error message", "panic: dial: postgres://app:{}@db.example.com:5432/crm?sslmode=disable: refused", "<b14>"),
    ("error message", "jdbc:mysql://db:3306/crm?user=app&password={}&useSSL=false", "<b14>"),
    ("markdown", "| Key | Value |\n|---|---|\n| password | {} |\n", "<b14>"),
    ("markdown", "```\nexport API_TOKEN={}\n```\n", "<b40>"),
    ("csv", '"name","api_key","plan"\n"anna","{}","pro"\n', "<b32>"),
    ("csv", "name\tpassword\nanna\t{}\n", "<b14>"),
    ("csv", "Benutzer;Passwort;Rolle\nanna;{};admin\n", "<b14>"),
    ("json", '{{"credentials":[{{"user":"app","password":"{}"}}]}}', "<b14>"),
    ("json", '{{"tokens":{{"deploy":"{}","count":2}}}}', "<b32>"),
    ("json", '[{{"Key":"DbPassword","Value":"{}"}}]', "<b14>"),
    ("json", '{{"env":["HOME=/root","DB_PASSWORD={}"]}}', "<b14>"),
    ("url query", "https://app.example.com/login#access_token={}&token_type=bearer", "<w64>"),
    ("url query", "wss://feed.example.com/?apiKey={}", "<b32>"),
    ("chat", "pw: {}", "Kite!Moss77"),
    ("chat", "the db password changed to {} yesterday", "Ember-Fjord-19"),
    ("chat", "user: root\npass: {}\n", "Tide#Lamp58"),
    ("chat", "new api key -> {}", "<b40>"),
]
# Class, place, language, text, value.
RECORDS = [
    ("email", "calendar", "en", "BEGIN:VCARD\nFN:Anna Berg\nEMAIL;TYPE=work:{}\nEND:VCARD", "anna.berg@example.com"),
    ("email", "log line", "en", "commit 1a2b3c4\nAuthor: Anna Berg <{}>\nDate:   Mon Nov 30", "anna@berg.example.org"),
    ("email", "log line", "en", "Signed-off-by: Paul Weber <{}>", "paul.weber@example.net"),
    ("email", "source code", "en", "INSERT INTO users VALUES (7, 'Anna', '{}', true);", "a.berg+test@example.com"),
    ("email", "log line", "en", "dn: uid=anna,dc=example\nmail: {}\nuid: anna", "anna@mail.example.com"),
    ("email", "log line", "en", "postfix/smtp[7]: 4F2: to=<{}>, relay=none, delay=0.1", "k_1987@example.co.uk"),
    ("phone", "calendar", "en", "BEGIN:VCARD\nTEL;TYPE=CELL:{}\nEND:VCARD", "+4915112345678"),
    ("phone", "html", "en", '<a href="tel:{}">Call</a>', "+442079460958"),
    ("phone", "xml", "de", "<Telefon>{}</Telefon>", "+49 30 23125 123"),
    ("phone", "csv", "en", "name,phone\nAnna,{}\n", "+14155550132"),
    ("card", "log line", "en", "swipe %B{}^BERG/ANNA^2712101000?", "4111111111111111"),
    ("card", "xml", "en", "<CardNumber>{}</CardNumber>", "5555555555554444"),
    ("card", "sql", "en", "UPDATE cards SET pan='{}' WHERE id=7;", "4242424242424242"),
    ("iban", "xml", "en", "<CdtrAcct><Id><IBAN>{}</IBAN></Id></CdtrAcct>", "DE89370400440532013000"),
    ("iban", "csv", "de", "Name;IBAN;Betrag\nBerg;{};12,50\n", "AT611904300234573201"),
    ("iban", "log line", "en", ":25:{}\n:28C:1/1", "NL91ABNA0417164300"),
    ("ip", "log line", "en", '{} - - [04/Mar/2026:10:15:00 +0100] "GET / HTTP/1.1" 200 12', "203.0.113.77"),
    ("ip", "header", "en", "X-Forwarded-For: {}, 127.0.0.1\r\n", "198.51.100.23"),
    ("ip", "log line", "en", "kernel: DROP IN=eth0 SRC={} LEN=60 PROTO=TCP SPT=443", "203.0.113.9"),
    ("ip", "header", "en", "Received: from mx ([{}]) by mail; Mon", "198.51.100.7"),
    ("ip", "url path", "en", "curl http://[{}]:8080/health", "2001:db8:85a3::8a2e:370:7334"),
    ("mac", "log line", "en", "dhcpd: DHCPACK on lease to {} via eth0", "00:1b:44:11:3a:b7"),
    ("mac", "log line", "en", "    link/ether {} brd ff:ff:ff:ff:ff:ff", "3c:22:fb:0a:9e:41"),
    ("national_id", "html", "en", "<label>SSN</label> <span>{}</span>", "536-90-4399"),
]


def positives():
    """What must not remain."""
    for place, text, pattern in TOOLS:
        value = shape(pattern, text)
        positive("credential", place, "en", text.format(value), value)
    for kind, place, language, text, value in RECORDS:
        positive(kind, place, language, text.replace("{}", value), value)
    pem_text, lines = pem("PRIVATE KEY", "everyday", start="MIIEvQIBADANBgkq")
    positive("credential", "pem", "", json.dumps({"type": "service_account", "private_key": pem_text, "client_id": "1"}), lines, pem_text.replace("\n", "\\n"))
    positive("credential", "pem", "", "PRIVATE_KEY=\"" + pem_text.replace("\n", "\\n") + "\"\nPORT=1\n", lines, pem_text.replace("\n", "\\n"))
    token = jwt("everyday")
    positive("credential", "url path", "en", f"https://app.example.com/confirm/{token}/done", token)
    value = b64("app:" + shape("<b20>", "everyday basic"))
    positive("credential", "command line", "en", f"curl -H 'Authorization: Basic {value}' https://api.example.com", value)
    value = shape("<b24>", "everyday percent")
    positive("credential", "percent-encoded", "en", "body=" + percent(string({"client_secret": value})), value)
    for place, text in [("markdown", "> On Monday Anna wrote:\n> Mail me: {}\n>> or call\n"), ("long text", "First line\n\n* {}\n* second\n\n" + "Nothing here. " * 40), ("typography", "“{}”—said twice"), ("source code", "# owner: {}\nx = 1\n")]:
        value = sample("email")
        positive("email", place, "en", text.replace("{}", value), value)


def lookalikes():
    """What must stay."""
    lookalike("name of secrets", "code", "imagePullSecrets:\n  - name: regcred\n", "secrets:\n  db_password:\n    file: ./db_password.txt\n", "secrets:\n  inherit\n", '{"secrets":{"path":"/run/secrets","count":3}}', '{"tokens":{"prompt":12,"completion":34}}', '{"tokens":["the","cat","sat"]}', "tokens: [Hello, world]",
              "password: str | None = None", "def login(user: str, password: str) -> Token:", "if (!password) return;", "password.length >= 12", "password = input('Password: ')", "pw = getpass.getpass(prompt)", 'read -s -p "Password: " password', "export TOKEN=$(cat token.txt)", "token: ${{ secrets.GITHUB_TOKEN }}", 'value: "{{ vault_password }}"', "apiKey: process.env.API_KEY,", "api_key=os.getenv('API_KEY')", "token = response.json()['access_token']", "headers['Authorization'] = f'Bearer {token}'", "secretKeyRef:\n  name: db\n  key: password\n", "WHERE password IS NULL", "ALTER TABLE users ADD COLUMN password TEXT NOT NULL;", "`password` varchar(255) NOT NULL", "<input type=\"password\" name=\"password\" placeholder=\"Password\">", "<label for=\"pass\">Your password</label>", "--password-file /run/secrets/db", "-p 8080:80", "mysql -h db -P 3306 crm", "ssh -p 2222 root@web1", "tar -xpf a.tar", "mkdir -p /srv/data", "grep -rn 'token' src", "curl -u $USER:$PASS https://api.example.com", "https://$USER:$TOKEN@git.example.com/x.git", "https://<user>:<token>@git.example.com/x.git")
    lookalike("talk of secrets", "mixed", "Your password must have 12 characters.", "Forgot your password? Click here.", "Password: at least one digit and one sign", "The token expires after 3600 seconds.", "Passwort vergessen? Hier klicken.", "Le mot de passe doit contenir 8 caractères.", "What does a secret key do?", "Password (again):", "token: the smallest unit of text", "The API key was rotated on 2026-03-04.", "secret: it is made with love", "password - see the wiki", "Authentication: none required", "The passphrase is stored in the vault.", "Bearer tokens are explained in RFC 6750.", "Basic authentication is off.")
    lookalike("log", "log line", "npm WARN deprecated uuid@3.4.0: Please upgrade", "Nov 30 17:00:01 web1 CRON[1234]: (root) CMD (run-parts /etc/cron.hourly)", 'nginx: "GET /v1/models HTTP/1.1" 200 1532 "-" "curl/8.5.0"', "systemd[1]: Started Session 1234 of User root.", "docker: sha256:9b7cd1e3f2a4 pulled in 12.3s", "E1130 17:00:01.123456   12345 main.go:42] retry", "java.lang.IllegalStateException\n\tat com.example.App.main(App.java:42)", "[2026-11-30T17:00:01.123Z] INFO  (12345): ready in 00:00:12.345", "took 1.234s (p50 0.123 p99 4.567)", "pid=12345 uid=1000 gid=1000 tty=pts/0", "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7")
    lookalike("numbers", "mixed", "Invoice 2026-000123 of 04.03.2026", "Invoice no. RE-2026-1234567", "PO 4500012345", "Flight LH 1234 at 10:15", "Room 415, extension 132", "EUR 1.234.567,00", "1,234,567 rows in 12.34 s", "Tax rate 19.00 %, total 1 234.50", "Ticket INC0012345678", "build 20260304.1234.56", "ISO 3166-1 alpha-2", "Case C-123/45", "call us in 415 or 555 days", "43.000.000 people", "4111 of 5555 done", "chapter 4, verses 11-16")
    lookalike("at sign", "mixed", "systemctl restart app@8080.service", "npm i lodash@4.17.21 react@18", "@dataclass\nclass A: pass", "ping @anna and @paul", "git show HEAD@{1}", "docker pull redis@sha256:abc", "user@host:~$ ls", "x@y", "SELECT @@version")
    for at, text in enumerate(["order {} shipped", '{{"account_id":"{}"}}', "ref={}", "job {} done"]):
        value = next(one for one in ("7" + draw(f"everyday {at} {turn}", "d", 15) for turn in range(99)) if not luhn(one))
        lookalike("order number", "mixed", text.format(value))
    lookalike("sha256", "mixed", "sha256sum: " + draw("everyday sha", "x", 64) + "  a.tar.gz", "ETag: W/\"" + draw("everyday etag", "x", 32) + "\"", "integrity sha512-" + draw("everyday sri", "s", 86) + "==")


def everything():
    """All of this file's."""
    positives()
    lookalikes()
