#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cost;
mod keys;

use proptest::prelude::*;

use super::*;
use crate::{Class, merge};

const MARK: &str = "[CREDENTIAL]";

/// What was found, in its order.
fn found(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    Secrets::new().find(text, &mut found);
    merge(&mut found);
    found
}

/// The text with marks in place of what was found.
fn scrub(text: &str) -> String {
    let mut scrubbed = text.to_owned();
    for finding in found(text).iter().rev() {
        assert_eq!(finding.class, Class::Credential);
        scrubbed.replace_range(finding.range.clone(), MARK);
    }
    scrubbed
}

/// Checks all rows before it says which are wrong.
fn check<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let wrong: Vec<_> = rows
        .into_iter()
        .map(|(text, expected)| (scrub(text), expected))
        .filter(|(scrubbed, expected)| scrubbed != expected)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Keys of the right shape, put together here so that no scanner of repositories takes them for real.
fn some_keys() -> Vec<String> {
    let filler = "Ab3dEf6hIj9lMn2pQr5tUv8xYz1";
    let prefixes = [
        "sk-",
        "sk-proj-",
        "sk-ant-api03-",
        "sk-or-v1-",
        "AKIA",
        "ASIA",
        "ghp_",
        "github_pat_",
        "hf_",
        "xoxb-",
        "gsk_",
        "xai-",
        "pplx-",
        "glpat-",
        "ya29.",
        "pcsk_",
    ];
    let mut keys: Vec<_> = prefixes.iter().map(|prefix| format!("{prefix}{filler}")).collect();
    keys.push(format!("AIza{filler}{filler}"));
    keys.push(format!("eyJ{filler}.eyJ{filler}.{filler}"));
    keys
}

#[test]
fn known_shapes_are_found_wherever_they_stand() {
    for key in some_keys() {
        for (before, after) in [
            ("", ""),
            ("model ", "!"),
            ("x=\"", "\""),
            ("é", "é"),
            ("a/", "/b"),
            ("--key-", ""),
            ("\\n", "\\n"),
            ("%3D", "%20"),
            ("\\u003d", ""),
            ("密", "码"),
            ("`", "`"),
            ("key is ", "."),
        ] {
            // A web token's beginning is common, so it counts at the begin of a word only.
            if before == "--key-" && key.starts_with("eyJ") {
                continue;
            }
            let text = format!("{before}{key}{after}");
            assert_eq!(scrub(&text), format!("{before}{MARK}{after}"), "{text}");
        }
    }
}

#[test]
fn what_was_found_before_still_is() {
    let pem = "-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----";
    check([
        ("Authorization: Bearer abc.def", "Authorization: Bearer [CREDENTIAL]"),
        ("bearer  t0ken, next", "bearer  [CREDENTIAL], next"),
        ("Basic dXNlcjpwYXNz", "Basic [CREDENTIAL]"),
        ("https://bob:hunter2@host/x", "https://[CREDENTIAL]@host/x"),
        ("redis://:p@ss@host:1/0", "redis://[CREDENTIAL]@host:1/0"),
        ("/v1/m?key=abc&alt=sse", "/v1/m?key=[CREDENTIAL]&alt=sse"),
        ("--api-key=abc --x", "--api-key=[CREDENTIAL] --x"),
        ("{\"password\": \"hunter2\"}", "{\"password\": \"[CREDENTIAL]\"}"),
        ("X-Amz-Signature=abc", "X-Amz-Signature=[CREDENTIAL]"),
        (&format!("a {pem} b"), "a [CREDENTIAL] b"),
        ("-----BEGIN PRIVATE KEY-----\nMHc", "[CREDENTIAL]"),
    ]);
}

#[test]
fn schemes_and_frames() {
    check([
        (r#"-----BEGIN RSA PRIVATE KEY-----\nMHc\n-----END RSA PRIVATE KEY-----\n"#, r"[CREDENTIAL]\n"),
        (
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ\n-----END PGP PRIVATE KEY BLOCK----- x",
            "[CREDENTIAL] x",
        ),
        (
            "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\n",
            "[CREDENTIAL]\n",
        ),
        ("Authorization: Basic abc", "Authorization: Basic [CREDENTIAL]"),
        ("Authorization: Token abc", "Authorization: Token [CREDENTIAL]"),
        ("\"authorization\": \"ApiKey abc==\"", "\"authorization\": \"ApiKey [CREDENTIAL]\""),
        (
            "Authorization: Digest username=\"a\", response=\"b\"\nHost: x",
            "Authorization: Digest [CREDENTIAL]\nHost: x",
        ),
        (
            "Authorization: AWS4-HMAC-SHA256 Credential=a/b, Signature=c",
            "Authorization: AWS4-HMAC-SHA256 [CREDENTIAL]",
        ),
        ("Authorization: abc123def", "Authorization: [CREDENTIAL]"),
        ("-H 'Authorization: Bearer abc' -d x", "-H 'Authorization: Bearer [CREDENTIAL]' -d x"),
        ("Cookie: session=abc; theme=dark\nHost: x", "Cookie: [CREDENTIAL]\nHost: x"),
        ("Set-Cookie: sid=abc; Path=/; HttpOnly", "Set-Cookie: [CREDENTIAL]"),
        ("-H 'Cookie: a=b; c=d' https://x", "-H 'Cookie: [CREDENTIAL]' https://x"),
        ("{\"Cookie\": \"a=b; c=d\"}", "{\"Cookie\": \"[CREDENTIAL]\"}"),
        ("postgres://app:s3cr/et@db:5432/x", "postgres://[CREDENTIAL]@db:5432/x"),
        ("app:s3cret@tcp(db:3306)/x", "[CREDENTIAL]@tcp(db:3306)/x"),
        (
            "Server=db;User Id=sa;Password=a b c;Encrypt=true",
            "Server=db;User Id=sa;Password=[CREDENTIAL];Encrypt=true",
        ),
        (
            "AccountName=x;AccountKey=abc/def==;EndpointSuffix=y",
            "AccountName=x;AccountKey=[CREDENTIAL];EndpointSuffix=y",
        ),
        ("https://x/b?sv=1&amp;sig=abc%3D&amp;se=2", "https://x/b?sv=1&amp;sig=[CREDENTIAL]&amp;se=2"),
        ("https://x/b?access_token=abc#top", "https://x/b?access_token=[CREDENTIAL]#top"),
    ]);
}

#[test]
fn commands() {
    check([
        ("mysql -u root -phunter2 shop", "mysql -u root -p[CREDENTIAL] shop"),
        ("curl -u bob:hunter2 https://x", "curl -u bob:[CREDENTIAL] https://x"),
        ("curl --user 'bob:hunt er2' https://x", "curl --user 'bob:[CREDENTIAL]' https://x"),
        ("sshpass -p hunter2 ssh root@x", "sshpass -p [CREDENTIAL] ssh root@x"),
        ("redis-cli -h x -a hunter2 ping", "redis-cli -h x -a [CREDENTIAL] ping"),
        ("docker login -u bob -p hunter2 x.io", "docker login -u bob -p [CREDENTIAL] x.io"),
        ("tool --password hunter2 --x", "tool --password [CREDENTIAL] --x"),
        ("[\"--password\", \"hunter2\"]", "[\"--password\", \"[CREDENTIAL]\"]"),
        ("PGPASSWORD=hunter2 psql -h x", "PGPASSWORD=[CREDENTIAL] psql -h x"),
    ]);
    check(
        [
            "mysql -p",
            "mysql -u root -p shop",
            "docker run -p 80:80 x",
            "curl -u $USER:$PASSWORD x",
            "use --password to sign in",
            "ssh -p 22 x",
        ]
        .map(|text| (text, text)),
    );
}

#[test]
fn names_in_all_notations() {
    check([
        ("password: hunter2", "password: [CREDENTIAL]"),
        ("password = 'hunter2'", "password = '[CREDENTIAL]'"),
        ("PASSWORD=hunter2\nX=1", "PASSWORD=[CREDENTIAL]\nX=1"),
        (r#"{\"password\":\"hunter2\",\"x\":1}"#, r#"{\"password\":\"[CREDENTIAL]\",\"x\":1}"#),
        (r#"{\\\"password\\\": \\\"hunter2\\\"}"#, r#"{\\\"password\\\": \\\"[CREDENTIAL]\\\"}"#),
        (r#""password": "a\"b""#, r#""password": "[CREDENTIAL]""#),
        (r"A=1\nDB_PASSWORD=hunter2\nB=2", r"A=1\nDB_PASSWORD=[CREDENTIAL]\nB=2"),
        ("'secret' => 'swordfish'", "'secret' => '[CREDENTIAL]'"),
        ("config[\"api_key\"] = \"abcd\"", "config[\"api_key\"] = \"[CREDENTIAL]\""),
        ("password: str = \"hunter2\"", "password: str = \"[CREDENTIAL]\""),
        ("clientSecret := \"abc\"", "clientSecret := \"[CREDENTIAL]\""),
        ("<password>hunter2</password>", "<password>[CREDENTIAL]</password>"),
        ("<add key=\"Password\" value=\"hunter2\"/>", "<add key=\"Password\" value=\"[CREDENTIAL]\"/>"),
        (
            "{\"name\": \"DB_PASSWORD\", \"value\": \"hunter2\"}",
            "{\"name\": \"DB_PASSWORD\", \"value\": \"[CREDENTIAL]\"}",
        ),
        ("- name: DB_PASSWORD\n  value: hunter2\n", "- name: DB_PASSWORD\n  value: [CREDENTIAL]\n"),
        (
            "| user | password |\n|---|---|\n| anna | wk3FKDZBw |\n| omar | X5OfaURf |\n",
            "| user | password |\n|---|---|\n| anna | [CREDENTIAL] |\n| omar | [CREDENTIAL] |\n",
        ),
        ("user,password,at\nanna,wk3FKDZBw,2026\n", "user,password,at\nanna,[CREDENTIAL],2026\n"),
        ("auth=('admin', 'pZz2oB')", "auth=('admin', '[CREDENTIAL]')"),
        (
            "let client_secret = String::from(\"yspmKFI7uxFy\");",
            "let client_secret = String::from(\"[CREDENTIAL]\");",
        ),
        (
            "variable \"db_password\" {\n  default = \"L63UaxK8\"\n}",
            "variable \"db_password\" {\n  default = \"[CREDENTIAL]\"\n}",
        ),
        ("<b>Password:</b> hunter2<br>", "<b>Password:</b> [CREDENTIAL]<br>"),
        ("name=\"password\"\r\n\r\nhunter2\r\n--x", "name=\"password\"\r\n\r\n[CREDENTIAL]\r\n--x"),
        ("Authorization: SSWS 00SdvK3Z2HN", "Authorization: SSWS [CREDENTIAL]"),
        ("Mon mot de passe est « Neige!Blanche-5 ».", "Mon mot de passe est « [CREDENTIAL] »."),
        ("**Password:** hunter2", "**Password:** [CREDENTIAL]"),
        ("Password: `hunter2`", "Password: `[CREDENTIAL]`"),
        ("my password is hunter2.", "my password is [CREDENTIAL]."),
        ("My password is swordfish.", "My password is [CREDENTIAL]."),
        ("the password for the database is hunter2, ok", "the password for the database is [CREDENTIAL], ok"),
        ("API key: abcd1234efgh", "API key: [CREDENTIAL]"),
        ("the api key is abcd1234efgh", "the api key is [CREDENTIAL]"),
        ("Mein Passwort lautet hunter2", "Mein Passwort lautet [CREDENTIAL]"),
        ("mi contraseña es hunter2", "mi contraseña es [CREDENTIAL]"),
        ("Le mot de passe est hunter2.", "Le mot de passe est [CREDENTIAL]."),
        ("senha: hunter2", "senha: [CREDENTIAL]"),
        ("密码是hunter2。", "密码是[CREDENTIAL]。"),
        ("密码：hunter2，好", "密码：[CREDENTIAL]，好"),
        ("пароль: hunter2", "пароль: [CREDENTIAL]"),
        ("パスワードはhunter2", "パスワードは[CREDENTIAL]"),
        ("PASSWORD=Tr0ub4dor&3", "PASSWORD=[CREDENTIAL]"),
        ("\"password\": \"correct horse battery staple\"", "\"password\": \"[CREDENTIAL]\""),
        ("HEROKU_API_KEY=123e4567-e89b-12d3-a456-426614174000", "HEROKU_API_KEY=[CREDENTIAL]"),
        ("datadog_key: d41d8cd98f00b204e9800998ecf8427e", "datadog_key: [CREDENTIAL]"),
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYzQ7k2mA1xQ",
            "aws_secret_access_key = [CREDENTIAL]",
        ),
        ("key = \"q8ZkE3vTn70LwXyB2rPm\"", "key = \"[CREDENTIAL]\""),
    ]);
}

#[test]
fn ordinary_text_is_left_alone() {
    check(
        [
            "",
            "chat gpt-4o-mini",
            "sk-learn",
            "task-force-of-the-whole-department",
            "accounts/fireworks/models/llama-v3p1-405b-instruct",
            "anthropic.claude-3-5-sonnet-20241022-v2:0",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/x",
            "chatcmpl-AbCdEf0123456789AbCdEf0123456789",
            "req_011CQabcdefghijklmnop",
            "http://host:8080/a@b",
            "basic model",
            "max_tokens=5",
            "monkey=banana",
            "-----BEGIN CERTIFICATE-----",
            "-----END PRIVATE KEY-----",
            "a::b = c: d",
            "/usr/local/bin/python3.12",
            "naïve 日本語 ://",
            "{\"max_tokens\": 4096, \"total_tokens\": 123}",
            "tokenizer = AutoTokenizer.from_pretrained(\"x\")",
            "\"primary_key\": \"id\"",
            "foreign_key: user_id",
            "public_key: abc",
            "keyboard: qwerty",
            "api_key = os.environ[\"OPENAI_API_KEY\"]",
            "password = getenv(\"PASSWORD\")",
            "password: <your-password>",
            "API_KEY=${API_KEY}",
            "password: str",
            "api_key: Optional[str] = None",
            "\"password\": {\"type\": \"string\"}",
            "\"password\": null",
            "The password is incorrect.",
            "password is required",
            "Password: required",
            "The token is invalid",
            "Basic authentication is used",
            "the bearer of news",
            "a bearer token is needed",
            "token: the",
            "{\"token\": \"Hello\", \"logprob\": -0.3}",
            "{\"token\":\" wor\",\"bytes\":[1]}",
            "next_page_token: abc123def456ghi789",
            "id: msg_01XFDUDYJgAACzvnptvVoYEL",
            "\"tool_call_id\": \"call_9pJ4kXyZ7QwErTyUiOpAsDfG\"",
            "toolu_01A09q90qw90lq917835lq9",
            "commit d41d8cd98f00b204e9800998ecf8427e12345678",
            "123e4567-e89b-12d3-a456-426614174000",
            "key: d41d8cd98f00b204e9800998ecf8427e",
            "2024-05-06T07:08:09.123Z",
            "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ",
            "ssh://git@github.com/x/y.git",
            "git@github.com:x/y.git",
            "credentials: include",
            "PWD=/srv/bob",
            "self.password = password",
            "login(username, password)",
            "forgot your password? Click here",
            "password123",
            "hf_hub_download_something_long",
            "cookie: chocolate chip",
            "session = requests.Session()",
            "auth = HTTPBasicAuth",
            "code: 200",
            "key=value",
            "sort_key=created_at",
            "npm_config_registry",
            "if (token == null) return",
            "Secret: the Story of a Family",
            "const token = await getToken();",
            "secret/data/app",
            "keys = dict.keys()",
            "password_file: /run/secrets/x",
            "password, token, and key",
            "fn token(&self) -> Option<&Token> { self.first() }",
            "read -s -p 'Password: ' PASSWORD",
            "${DB_PASSWORD:?not set}",
            "API_KEY=$(cat /run/x)",
            "string password = 2; string token = 3;",
            "pyjwt==2.3.0",
            "postgres://USER:PASSWORD@HOST/DB",
            "| name | token |\n|---|---|\n| a | the first |\n",
            "pass: 12, fail: 3",
            "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
            "sk-your-api-key-here",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "AIzaSy...",
            "{\"type\": \"password\", \"label\": \"Password\"}",
            "\"required\": [\"password\", \"token\"]",
            "Enter your password:",
            "password manager 1Password",
            "token=[CREDENTIAL]",
            "https://[CREDENTIAL]@host",
            "Bearer [CREDENTIAL]",
        ]
        .map(|text| (text, text)),
    );
}

#[test]
fn several_are_found() {
    let key = &some_keys()[0];
    assert_eq!(scrub(&format!("{key} {key},{key}")), format!("{MARK} {MARK},{MARK}"));
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "(\\PC|\\n|sk-|eyJ|://|@|=|:|token|Bearer |-----BEGIN |PRIVATE KEY|password|пароль|密码| is |curl -u |value|[\"'`\\\\ &?,;()<{]|[a-zA-Z0-9]{8}){0,60}") {
        let mut found = Vec::new();
        Secrets::new().find(&text, &mut found);
        for finding in found {
            prop_assert!(!finding.range.is_empty() && text.get(finding.range.clone()).is_some(), "{:?}", finding);
        }
    }

    #[test]
    fn a_planted_key_never_survives(before in "\\PC{0,40}", after in "\\PC{0,40}", which in 0_usize..18) {
        let key = &some_keys()[which];
        let text = format!("{before} {key} {after}");
        prop_assert!(!scrub(&text).contains(key.as_str()));
    }

    #[test]
    fn once_is_enough(text in "(sk-|eyJ|://|@|=|: |token|api_key|Bearer |password|[\"' &?]|[a-z0-9]{8}|[A-Za-z0-9]{20}){0,30}") {
        let once = scrub(&text);
        // What was no name's value before can become one, but no mark is found again.
        for finding in found(&once) {
            prop_assert!(&once[finding.range.clone()] != MARK, "{once}");
        }
    }
}
