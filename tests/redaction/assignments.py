"""Secrets that only the name before them gives away: configuration, code, chat in many languages."""

from records import positive
from values import b64, shape, string

# Place, text, and the secret's shape.
FORMS = [
    ("environment", "DB_HOST=db\nDB_PASSWORD={}\nDB_PORT=5432\n", "<b16>"),
    ("environment", "export SECRET_TOKEN='{}'\n", "<w40>"),
    ("environment", 'set "API_SECRET={}"', "<b32>"),
    ("environment", '$env:CLIENT_SECRET = "{}"', "<w40>"),
    ("environment", "Environment=APP_SECRET={}\nRestart=always\n", "<b32>"),
    ("environment", "OTEL_EXPORTER_OTLP_HEADERS=api-key={},x-tenant=7", "<x32>"),
    ("resource attributes", "OTEL_RESOURCE_ATTRIBUTES=service.name=shop,deploy.password={},service.version=1.4.2", "<b16>"),
    ("resource attributes", "service.name=shop,auth_token={},host.arch=amd64", "<b40>"),
    ("json", '{{"user":"app","password":"{}","port":5432}}', "<b12>"),
    ("json", '{{\n  "clientSecret": "{}",\n  "clientId": "web"\n}}', "<w40>"),
    ("json", '{{"auth":{{"apiKey":"{}"}},"retries":3}}', "<b24>"),
    ("json", '{{"private_key_password" : "{}"}}', "<b12>"),
    ("json", '{{"login": {{"passphrase": "{}"}}}}', "<a6>-<a7>-<a5>-<a8>"),
    ("json", '{{"name": "db", "pwd": "{}", "ssl": true}}', "<b10>"),
    ("json", '{{"webhookSecret": "{}", "events": ["push"]}}', "<x40>"),
    ("json", '{{"sessionToken":"{}","expires":"2026-05-01"}}', "<s120>"),
    ("json", '{{"x-api-key":["{}"]}}', "<b36>"),
    ("json", '{{"aws_secret_access_key": "{}", "region": "eu-central-1"}}', "<s40>"),
    ("json", '{{"refresh_token":"{}","expires_in":3600,"token_type":"Bearer"}}', "1//0e<w60>"),
    ("json", '{{"encryptionKey":"{}"}}', "<s43>="),
    ("yaml", "database:\n  user: app\n  password: {}\n  pool: 5\n", "<b14>"),
    ("yaml", "smtp:\n  pass: '{}'\n  port: 587\n", "<b12>"),
    ("yaml", "signing_key: {}\nissuer: me\n", "<b43>"),
    ("yaml", "  - name: ADMIN_TOKEN\n    value: {}\n", "<b32>"),
    ("yaml", 'users:\n- name: dev\n  user:\n    token: "{}"\n', "<b60>"),
    ("yaml", "spring.datasource.password: {}\nspring.datasource.username: app\n", "<b14>"),
    ("ini", "[client]\nuser=root\npassword={}\nhost=db\n", "<b12>"),
    ("ini", "[pypi]\nusername = __token__\npassword = {}\n", "<b40>"),
    ("ini", "[ldap]\nbind_password = {} ; rotate yearly\n", "<b14>"),
    ("ini", "//npm.example.com/:_authToken={}\n", "<uuid>"),
    ("ini", 'network={{\n  ssid="Guest"\n  psk="{}"\n}}', "<b14>"),
    ("ini", "machine api.example.com login me password {}\n", "<b20>"),
    ("ini", "db.password={}\ndb.user=app\n", "<b14>"),
    ("toml", '[auth]\napi_token = "{}"\nurl = "https://api.example.com"\n', "<b40>"),
    ("toml", "[db]\npassword = '{}'\n", "<b14>"),
    ("xml", "<server><username>ci</username><password>{}</password></server>", "<b16>"),
    ("xml", '<add key="ApiSecret" value="{}" />', "<b32>"),
    ("xml", '<user name="app" password="{}"/>', "<b14>"),
    ("source code", 'password = "{}"\nprint("ready")\n', "<b14>"),
    ("source code", "const apiKey = '{}';\nawait run();\n", "<b32>"),
    ("source code", 'client = Client(password="{}", host="db")', "<b14>"),
    ("source code", "define('DB_PASSWORD', '{}');", "<b14>"),
    ("source code", "'password' => '{}',\n'host' => 'db',", "<b14>"),
    ("source code", ':secret_key => "{}"', "<x64>"),
    ("source code", 'cfg := Config{{APIKey: "{}", Retries: 3}}', "<b32>"),
    ("source code", 'String authToken = "{}";', "<b40>"),
    ("source code", 'token := "{}"', "<b40>"),
    ("source code", 'variable "db_password" {{\n  default = "{}"\n}}', "<b14>"),
    ("source code", 'ENV["SECRET_KEY"] = "{}"', "<x40>"),
    ("source code", 'self.secret: str = "{}"', "<b32>"),
    ("source code", 'let client_secret = String::from("{}");', "<b40>"),
    ("source code", "CREATE USER app WITH PASSWORD '{}';", "<b14>"),
    ("source code", "ALTER USER root IDENTIFIED BY '{}';", "<b14>"),
    ("source code", 'os.environ["OPENAI_KEY"] = "{}"', "<b40>"),
    ("source code", 'headers = {{"X-Auth-Token": "{}"}}', "<b32>"),
    ("log line", "2026-03-04 10:00:01 DEBUG login user=app password={} ok", "<b12>"),
    ("log line", "config loaded: {{user: app, secret: {}, port: 80}}", "<b24>"),
    ("log line", "INFO: using api key {} for tenant 7", "<b40>"),
    ("error message", "FATAL: login failed (user 'app', password '{}')", "<b12>"),
    ("error message", "Invalid token: {}", "<b40>"),
    ("error message", "KeyError while parsing ?secret={}: expected list", "<b32>"),
    ("error message", "ValueError: could not decrypt with passphrase='{}'", "<b14>"),
    ("csv", "user,password\napp,{}\n", None),
    ("field name", "db-password: {}", "<b14>"),
    ("field name", "dbPass={}", "<b14>"),
    ("field name", "ACCESS_KEY={}", "<b32>"),
    ("field name", "masterKey={}", "<b32>"),
    ("field name", "user_passwd: {}", "<b12>"),
    ("field name", "PASSPHRASE={}", "<a7>-<a5>-<a6>"),
    ("field name", "client-secret => {}", "<b32>"),
    ("field name", "bearer_token = {}", "<b50>"),
    ("field name", "private.key={}", "<s64>"),
    ("field name", "admin_pw={}", "<b12>"),
    ("field name", "storage_account_key: {}", "<s86>=="),
    ("field name", "csrf_token={}", "<b40>"),
    ("field name", "oauth_token_secret={}", "<b45>"),
    ("field name", "hmacSecret: {}", "<x64>"),
    ("field name", "API KEY: {}", "<b36>"),
    ("field name", "Api-Token : {}", "<b36>"),
]

# Language, text, secret: what people write. The secrets are made up.
CHAT = [
    ("en", "My password is {}, can you check whether it is strong?", "Tulip-River-88"),
    ("en", "login: anna\npassword: {}\nThanks!", "sunny!Day42"),
    ("en", "the wifi password is {} ok?", "garden7gnome"),
    ("en", "Username: ops / Password: {} / Host: vpn", "Fj3$kd9!q"),
    ("en", 'Set the passphrase to "{}" please.', "correct horse battery staple"),
    ("de", "Mein Passwort ist {} und funktioniert nicht.", "Sommer2024!"),
    ("de", "Benutzer: anna, Passwort: {}", "Apfel#Baum7"),
    ("de", "Kennwort = {}\nBitte zurücksetzen.", "Nebel-Kuh-31"),
    ("de", "Das Passwort lautet {}.", "Wolke7Regen"),
    ("fr", "Mon mot de passe est {}, il ne marche plus.", "Fromage&Vin9"),
    ("fr", "Identifiant : anna\nMot de passe : {}", "Pluie!Douce5"),
    ("es", "Mi contraseña es {} y no puedo entrar.", "Naranja_2025"),
    ("es", "usuario: ana, contraseña: {}", "Gato!Negro4"),
    ("es", "La clave secreta es: {}", "xK8pQ2mZ7rT4vW1n"),
    ("pt", "Minha senha é {}, pode verificar?", "Praia#Sol77"),
    ("pt", "Usuário: ana\nSenha: {}", "Cafe!Quente3"),
    ("pl", "Moje hasło to {}, nie działa.", "Zielony-Kot9"),
    ("pl", "login: anna, hasło: {}", "Mleko#Kawa2"),
    ("ru", "Мой пароль: {}, не могу войти.", "Snow!Winter7"),
    ("ru", "логин anna пароль {}", "Moloko-2025x"),
    ("ja", "パスワードは{}です。", "Sakura!2025x"),
    ("ja", "ID:anna パスワード:{}", "Neko#Kawaii9"),
    ("zh", "我的密码是{},登录不了。", "Panda!8888x"),
    ("zh", "账号:anna 密码:{}", "Long#Feng66a"),
    ("ko", "비밀번호: {}", "Hanbok!77aa"),
    ("ar", "كلمة المرور: {}", "Qamar!2025z"),
    ("ar", "كلمة السر هي {}", "Shams#44xyz"),
    ("hi", "मेरा पासवर्ड {} है।", "Chai!Garam9"),
    ("hi", "पासवर्ड: {}", "Mor#Pankh21"),
    ("it", "La mia password è {}, aiuto!", "Gelato!Freddo8"),
    ("it", "utente: anna, password: {}", "Luna#Piena6"),
    ("nl", "Mijn wachtwoord is {}.", "Fiets!Brug44"),
    ("sv", "Lösenord: {}", "Skog#Sten19"),
    ("tr", "Şifre: {}", "Deniz!Mavi33"),
    ("cs", "Heslo: {}", "Hora#Reka52"),
]


def everything():
    """All of this file's."""
    for place, text, pattern in FORMS:
        if pattern:
            value = shape(pattern, text)
            positive("credential", place, "en", text.format(value), value)
    for language, text, value in CHAT:
        positive("credential", "chat", language, text.format(value), value)
    password = shape("<b14>", "kubernetes")
    coded = b64(password)
    manifest = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  password: {coded}\n"
    positive("credential", "yaml", "en", manifest, [coded, password], coded)
    value = b64("ci:" + shape("<b20>", "docker auth"))
    config = string({"auths": {"registry.example.com": {"auth": value}}})
    positive("credential", "json", "en", config, value)
    first, second, third = (shape("<b20>", f"several {at}") for at in range(3))
    both = f"PASSWORD={first}\nAPI_KEY={second}\nDEBUG=0\nTOKEN={third}"
    positive("credential", "several", "en", both, [first, second, third])
    keys = [shape("sk-ant-api03-<w93>AA", "several"), shape("ghp_<b30><crc>", "several"), shape("AKIA<k16>", "several")]
    positive("credential", "several", "en", " ".join(keys), keys)
    positive("credential", "several", "en", "old {} and new {}, also {}.".format(*keys), keys)
    positive("credential", "several", "en", string({"keys": keys}), keys)
