"""Credentials: issuers' keys, tokens, private keys, headers, cookies, URLs, connections, command lines."""

import json

from records import positive
from values import b64, draw, jwt, pem, percent, shape
from vendors import NAMED, SHAPES

# Where keys turn up: place, language, text.
CARRIERS = [
    ("prose", "en", "Use {} for the staging calls until Friday."),
    ("header", "en", "POST /v1/chat HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: Bearer {}\r\nAccept: */*\r\n"),
    ("source code", "en", 'client = Client(api_key="{}", timeout=30)'),
    ("log line", "en", "2026-03-04T10:11:12Z WARN auth rejected token={} status=401 took=12ms"),
    ("json", "en", '{{"tool": "deploy", "arguments": {{"key": "{}", "region": "eu-west-1"}}}}'),
    ("markdown", "en", "| service | key |\n|---|---|\n| live | `{}` |\n"),
    ("prose", "de", "Hier ist der Schlüssel: {} (bitte nicht weitergeben)."),
    ("error message", "en", "Incorrect API key provided: {}. You can find your key in the dashboard."),
    ("command line", "en", "deploy --target prod --token {} --verbose"),
    ("prose", "ja", "キーは{}です。"),
    ("environment", "en", "export LIVE_TOKEN={}\nexport REGION=eu\n"),
    ("begin and end", "", "{}"),
    ("prose", "zh", "请使用密钥{}登录系统。"),
    ("csv", "en", "name,key,created\nbuild,{},2026-01-05\n"),
    ("prose", "fr", "La clé est « {} », merci de la changer."),
    ("yaml", "en", "service:\n  endpoint: https://api.example.com\n  token: {}\n  retries: 3\n"),
    ("prose", "ru", "Вот ключ: {}, срок действия истекает завтра."),
    ("url query", "en", "GET https://api.example.com/v2/items?limit=5&key={} returned 403"),
    ("prose", "es", "La clave de producción es {} y caduca mañana."),
]


def issued():
    """Each issuer's shape once in a sentence of its own place, and once more elsewhere."""
    for at, (issuer, pattern) in enumerate(SHAPES):
        for turn in (0, 1) if at % 2 == 0 else (0,):
            value = shape(pattern, f"{issuer} {turn}")
            place, language, text = CARRIERS[(at * 3 + turn * 7) % len(CARRIERS)]
            text = text.format(value)
            positive("credential", place, language, text, value, bare=turn == 0)


NAMED_FORMS = [
    ("environment", "{}={}\nDEBUG=1\n"),
    ("environment", 'export {}="{}"\n'),
    ("json", '{{"{}": "{}", "debug": true}}'),
    ("yaml", "env:\n  {}: {}\n  DEBUG: 1\n"),
    ("source code", 'os.environ["{}"] = "{}"'),
    ("command line", "docker run -e {}={} -p 80:80 registry.example.com/app"),
    ("ini", "[default]\n{} = {}\nregion = eu\n"),
    ("prose", "Put {}: {} into the settings."),
]


def named():
    """What only its name gives away."""
    for at, (name, pattern) in enumerate(NAMED):
        place, text = NAMED_FORMS[at % len(NAMED_FORMS)]
        value = shape(pattern, name)
        positive("credential", place, "en", text.format(name, value), value)


def tokens():
    """JSON Web Tokens."""
    rs = jwt("rs", {"alg": "RS256", "kid": "k1", "typ": "JWT"}, signed=342)
    es = jwt("es", {"typ": "JWT", "alg": "ES256"}, {"iss": "https://id.example.com", "sub": "7"}, signed=86)
    hs = jwt("hs")
    encrypted = ".".join([jwt("e", {"alg": "RSA-OAEP", "enc": "A256GCM"}).split(".")[0], draw("e", "w", 342),
                          draw("e", "w", 16), draw("e", "w", 120), draw("e", "w", 22)])
    for place, text, value in [
        ("header", "Authorization: Bearer {}", hs),
        ("header", "authorization: bearer {}\nx-request-id: 7", rs),
        ("prose", "The token {} expired an hour ago.", es),
        ("json", '{{"id_token":"{}","expires_in":3600}}', rs),
        ("url fragment", "https://app.example.com/cb#id_token={}&state=af0", hs),
        ("cookie", "Cookie: session={}; theme=dark", hs),
        ("log line", "[auth] verifying {} for sub=7 ... failed", es),
        ("prose", "Decode eyJ for me: {}", encrypted),
        ("source code", "const t = '{}';", hs),
        ("url query", "wss://live.example.com/socket?token={}", es),
    ]:
        positive("credential", place, "en", text.format(value), value, bare=text.startswith("The token"))


def private_keys():
    """Private keys, whole and as they stand in other files."""
    kinds = [
        ("RSA PRIVATE KEY", "MIIEpAIBAAKCAQEA"),
        ("PRIVATE KEY", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"),
        ("EC PRIVATE KEY", "MHcCAQEEI"),
        ("OPENSSH PRIVATE KEY", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ"),
        ("ENCRYPTED PRIVATE KEY", "MIIFHDBOBgkqhkiG9w0BBQ0wQTApBgkqhkiG"),
        ("DSA PRIVATE KEY", "MIIBuwIBAAKBgQ"),
        ("PGP PRIVATE KEY BLOCK", "lQOYBF"),
    ]
    for kind, start in kinds:
        block, body = pem(kind, kind, start)
        positive("credential", "pem", "en", f"Here is my key:\n{block}\nIs it strong enough?", body, block)
    block, body = pem("PRIVATE KEY", "account", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC")
    as_json = json.dumps({"type": "service_account", "project_id": "demo-1", "private_key": block + "\n"})
    positive("credential", "json", "en", as_json, body, json.dumps(block)[1:-1])
    twice = json.dumps({"role": "user", "content": as_json})
    positive("credential", "json in json", "en", twice, body, json.dumps(json.dumps(block)[1:-1])[1:-1])
    env = block.replace("\n", "\\n")
    positive("credential", "environment", "en", f'TLS_KEY="{env}"\nPORT=443\n', body, env)
    indented = block.replace("\n", "\n    ")
    positive("credential", "yaml", "en", f"tls:\n  key: |\n    {indented}\n  port: 443\n", body, indented)
    crlf = block.replace("\n", "\r\n")
    positive("credential", "pem", "en", f"key follows\r\n{crlf}\r\nend of mail", body, crlf)
    cut = block.rpartition("\n")[0]
    positive("credential", "pem", "en", f"The file was cut:\n{cut}", body, cut)
    quoted = "\n".join(f"> {line}" for line in block.split("\n"))
    positive("credential", "markdown", "en", f"Quoting you:\n{quoted}\nDone.", body, quoted)
    putty_lines = [draw(f"ppk {at}", "s", 64) for at in range(4)]
    putty = ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: me\nPublic-Lines: 2\nAAAAC3NzaC1lZDI1NTE5"
             "\nAAAA\nPrivate-Lines: 4\n" + "\n".join(putty_lines) + "\nPrivate-MAC: " + draw("ppk", "x", 64))
    positive("credential", "pem", "en", putty, putty_lines, putty_lines)
    value = draw("wg", "s", 43) + "="
    positive("credential", "ini", "en", f"[Interface]\nAddress = wg0\nPrivateKey = {value}\nListenPort = 51820\n", value)


HEADERS = [
    ("Authorization: Bearer {}", "<w40>"),
    ("authorization: bearer {}", "<x40>"),
    ("Authorization: Token {}", "<x40>"),
    ("Authorization: ApiKey {}", "<s58>=="),
    ("Authorization: Bot {}", "MTA<b21>.<w6>.<w38>"),
    ("Authorization: SSWS {}", "00<w40>"),
    ("Authorization: GenieKey {}", "<uuid>"),
    ("Authorization: Splunk {}", "<uuid>"),
    ("Authorization: Negotiate {}", "YII<s120>"),
    ("Proxy-Authorization: Bearer {}", "<b32>"),
    ("Authorization: AWS4-HMAC-SHA256 Credential=id/20260304/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature={}", "<x64>"),
    ('Authorization: Digest username="mufasa", realm="r", nonce="n1", uri="/", response="{}"', "<x32>"),
    ("X-Api-Key: {}", "<b40>"),
    ("x-api-key: {}", "<x32>"),
    ("api-key: {}", "<x32>"),
    ("Ocp-Apim-Subscription-Key: {}", "<x32>"),
    ("X-Auth-Token: {}", "<b32>"),
    ("X-Goog-Api-Key: {}", "<w39>"),
    ("X-Vault-Token: {}", "<b26>"),
    ("PRIVATE-TOKEN: {}", "<w20>"),
    ("X-Amz-Security-Token: {}", "<s180>"),
    ("DD-API-KEY: {}", "<x32>"),
    ("X-Subscription-Token: {}", "<w31>"),
    ("Cookie: sessionid={}", "<l32>"),
    ("Cookie: theme=dark; JSESSIONID={}; lang=de", "<X32>"),
    ("Cookie: connect.sid=s%3A{}", "<w32>.<b43>"),
    ("Set-Cookie: auth={}; Path=/; HttpOnly; Secure", "<b64>"),
    ("set-cookie: PHPSESSID={}; path=/", "<l26>"),
]


def headers():
    """What lets in by header or cookie."""
    for at, (text, pattern) in enumerate(HEADERS):
        value = shape(pattern, str(at))
        place = "cookie" if "ookie" in text[:10] else "header"
        line = text.format(value)
        positive("credential", place, "en", f"GET /v1 HTTP/1.1\r\n{line}\r\nAccept: text/html\r\n\r\n" if at % 2 else line, value)
    for user, password in [("admin", "Tulpen-Markt9"), ("svc@corp", "x7Kp:q2Lw!9z"), ("api", "key-" + draw("basic", "x", 32))]:
        value = b64(f"{user}:{password}")
        for text in ("Authorization: Basic {}\r\nAccept: */*", 'headers={{"Authorization": "Basic {}"}}'):
            positive("credential", "header", "en", text.format(value), [value, password], value)


URLS = [
    ("postgres://app:{}@db.example.com:5432/orders", "<b16>"),
    ("postgresql+asyncpg://app:{}@10-db/orders?sslmode=require", "Kx9<b12>"),
    ("mysql://root:{}@mysql/shop", "<b12>"),
    ("mongodb+srv://svc:{}@cluster0.ab1cd.mongodb.net/?retryWrites=true", "<b18>"),
    ("redis://:{}@cache:6379/0", "<b32>"),
    ("rediss://default:{}@eu1-cache.upstash.example:6380", "<x32>"),
    ("amqp://worker:{}@mq.example.com/vhost", "Regen<d4>!"),
    ("https://bob:{}@git.example.com/team/app.git", "<b20>"),
    ("https://oauth2:{}@gitlab.example.com/team/app.git", "<w20>"),
    ("ftp://files:{}@ftp.example.com/in", "hunter<d3>"),
    ("smtp://mailer:{}@smtp.example.com:587", "<b16>"),
    ("clickhouse://default:{}@ch:9000/logs", "<b14>"),
    ("ldap://cn=admin:{}@ldap.example.com", "<b14>"),
    ("mssql+pyodbc://sa:{}@sql/db", "<b14>"),
    ("nats://edge:{}@nats:4222", "<b14>"),
    ("http://user:{}@proxy.example.com:3128", "p%40ss%21<b8>"),
    ("cloudinary://123456789012345:{}@demo", "<w27>"),
    ("jdbc:postgresql://db:5432/x?user=app&password={}", "<b14>"),
    ("sftp://deploy:{}@host.example.com:22/srv", "Zimt&Zucker<d2>"),
]
PARAMETERS = [
    ("https://api.example.com/me?access_token={}&fields=id", "<b60>"),
    ("https://maps.example.com/geo?address=Berlin&api_key={}", "<b32>"),
    ("https://api.example.com/weather?q=Paris&appid=x&apikey={}", "<x32>"),
    ("https://acct.blob.core.windows.net/c/f?sv=2024-11-04&se=2026-01-01T00%3A00%3A00Z&sr=b&sp=r&sig={}", "<b43>%3D"),
    ("https://bucket.s3.amazonaws.com/f?X-Amz-Date=20260304T000000Z&X-Amz-Expires=900&X-Amz-Signature={}", "<x64>"),
    ("POST /oauth/token?grant_type=refresh_token&refresh_token={}&client_id=web", "<w64>"),
    ("/oauth/token?client_id=web&client_secret={}", "<w40>"),
    ("https://app.example.com/callback#access_token={}&token_type=bearer", "<w50>"),
    ("https://app.example.com/reset?password={}&user=7", "<b14>"),
    ("https://fn.azurewebsites.net/api/run?code={}", "<w54>=="),
    ("https://chat.example.com/?next=%2Fhome&auth_token={}", "<x40>"),
    ("wss://rt.example.com/v1?session_token={}", "<b43>"),
    ("https://api.telegram.org/bot71<d8>:{}/getMe", "AA<w33>"),
]


def urls():
    """User information and parameters of URLs."""
    for at, (text, pattern) in enumerate(URLS):
        value = shape(pattern, text)
        text = text.format(value)
        positive("credential", "url user", "en", f"could not connect to {text} after 3 tries" if at % 2 else f"DATABASE_URL={text}", value)
    for at, (text, pattern) in enumerate(PARAMETERS):
        value = shape(pattern, text)
        text = shape(text, "p").format(value)
        place = "url fragment" if "#" in text else "url path" if "/bot" in text else "url query"
        positive("credential", place, "en", f"Fetched {text} in 80 ms" if at % 2 else text, value)
    secret = shape("<b20>", "encoded url")
    inner = f"https://api.example.com/me?access_token={secret}"
    for times in (1, 2):
        span = percent(inner, times)
        positive("credential", "percent-encoded", "en", f"https://example.com/go?to={span}", secret, secret)
    assert percent("&") == "%26"


CONNECTIONS = [
    ("Server=tcp:db.example.com,1433;Database=crm;User ID=app;Password={};Encrypt=True;", "Wx!<b12>"),
    ("Data Source=sql;Initial Catalog=crm;Uid=app;Pwd={};", "<b14>"),
    ("Host=pg;Port=5432;Username=app;Password={};Database=crm", "<b14>"),
    ("DefaultEndpointsProtocol=https;AccountName=acct;AccountKey={};EndpointSuffix=core.windows.net", "<s86>=="),
    ("Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={}", "<s43>="),
    ("HostName=hub.azure-devices.net;DeviceId=d1;SharedAccessKey={}", "<s43>="),
    ("cache.redis.example.com:6380,password={},ssl=True,abortConnect=False", "<s43>="),
    ("AccountEndpoint=https://acct.documents.azure.com:443/;AccountKey={};", "<s86>=="),
    ("Driver={{ODBC Driver 18}};Server=s;UID=app;PWD={};", "<b14>"),
    ("InstrumentationKey=x;IngestionEndpoint=https://in.example.com;ApiSecret={}", "<b32>"),
    ("host=db port=5432 dbname=crm user=app password={} sslmode=require", "<b14>"),
    ("endpoint=https://acs.example.com/;accesskey={}", "<s86>=="),
]
COMMANDS = [
    ("mysql -h db -u root -p{} crm", "Sommer<d4>"),
    ("mysqldump --user=root --password={} crm > crm.sql", "<b12>"),
    ("curl -u admin:{} https://api.example.com/v1/users", "<b14>"),
    ("curl --user deploy:{} https://api.example.com", "<b14>"),
    ("curl -H 'Authorization: Bearer {}' https://api.example.com", "<b40>"),
    ('curl -H "X-Api-Key: {}" https://api.example.com', "<b32>"),
    ("PGPASSWORD={} psql -h db -U app crm", "<b14>"),
    ("sshpass -p {} ssh host.example.com", "<b12>"),
    ("docker login -u ci -p {} registry.example.com", "<b20>"),
    ("redis-cli -h cache -a {} ping", "<b24>"),
    ("mongosh --host db --username app --password {} crm", "<b14>"),
    ("wget --user=me --password={} https://files.example.com/x", "<b12>"),
    ("az login --service-principal -u app --password {} --tenant t", "<b34>"),
    ("aws configure set aws_secret_access_key {}", "<s40>"),
    ("openssl rsa -in k.pem -passin pass:{} -out o.pem", "<b12>"),
    ("npm config set //npm.example.com/:_authToken {}", "<b36>"),
    ("kubectl create secret generic db --from-literal=password={}", "<b14>"),
    ("helm install app ./chart --set auth.password={},replicas=2", "<b14>"),
    ("git clone https://me:{}@git.example.com/a.git", "<b24>"),
    ("vault login token={}", "<b26>"),
    ("gpg --batch --passphrase {} -d file.gpg", "<b14>"),
    ("java -Ddb.password={} -jar app.jar", "<b14>"),
    ("ldapsearch -x -D cn=admin -w {} -b dc=example", "<b14>"),
    ("./serve --api-key {} --port 8080", "<b32>"),
    ("./serve --client-secret={} --port 8080", "<b32>"),
    ("ansible-playbook site.yml --extra-vars 'ansible_become_pass={}'", "<b14>"),
    ("twine upload -u __token__ -p {} dist/*", "<b40>"),
    ("sqlcmd -S sql -U sa -P {} -Q 'select 1'", "<b14>"),
]


def connections():
    """Connection strings and command lines."""
    for place, rows in (("connection string", CONNECTIONS), ("command line", COMMANDS)):
        for text, pattern in rows:
            value = shape(pattern, text)
            positive("credential", place, "en", text.format(value), value)


def everything():
    """All of this file's."""
    for part in (issued, named, tokens, private_keys, headers, urls, connections):
        part()
