//! Names, and what they say of their values.

use super::alphabet::steps;
use super::ending::{self, Lists};
use super::value;

/// What a name says of its value, from nothing to everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// Nothing.
    None,
    /// A secret if it looks like one: `key`.
    Weak,
    /// A cookie.
    Cookie,
    /// A secret unless it reads as a word of a sentence: `token`.
    Bare,
    /// A secret: `api_key`.
    Strong,
    /// A secret, perhaps a word: `password`.
    Password,
    /// The credentials of a request, with or without a scheme.
    Authorization,
}

/// What the automaton looks for: one of them is in each name below that is in ASCII.
#[rustfmt::skip]
pub(super) const WORDS: &[&str] = &[
    "pass", "pwd", "pw", "psk", "securestring", "secret", "token", "key", "credential", "creds", "signature", "sig", "auth", "cookie", "jwt",
    "session", "sid", "ticket", "code", "kennwort", "contrase", "clave", "senha", "parol", "wachtwoord",
    "heslo", "haslo", "salasana", "lozinka", "losenord", "adgangskode", "sifre", "jelszo", "sandi",
    "connection", "otp", "bearer", "assertion", "geslo", "samlre", "matkhau", "mdp", "verifier", "webhook",
    "dsn",
];

/// Names that stand by themselves, of several words or in other scripts; the automaton knows capital letters of ASCII.
#[rustfmt::skip]
pub(super) const PHRASES: &[&str] = &[
    "contraseña", "contraseñas", "CONTRASEÑA", "mot de passe", "mots de passe", "palavra-passe",
    "palavra passe", "palavra-chave", "lösenord", "LÖSENORD", "hasło", "HASŁO", "şifre", "ŞİFRE", "Şifre",
    "parolă", "mật khẩu", "Mật khẩu", "kata sandi", "pääsyavain", "clé api", "clé d'api", "clé secrète",
    "clave api", "clave secreta", "chave de api", "chave secreta", "chiave api", "chiave segreta",
    "code d'accès", "api-schlüssel", "api schlüssel", "geheimschlüssel", "geheimer schlüssel",
    "zugangsschlüssel", "passwörter", "пароль", "Пароль", "ПАРОЛЬ", "пароля", "паролем", "секретный ключ",
    "Секретный ключ", "ключ api", "api-ключ", "API-ключ", "токен", "Токен", "密码", "密碼", "口令", "密钥", "密鑰", "金鑰",
    "秘钥", "令牌", "パスワード", "暗証番号", "秘密鍵", "アクセスキー", "APIキー", "トークン", "비밀번호", "암호", "비밀 키", "액세스 토큰",
    "كلمة المرور", "كلمة السر", "סיסמה", "סיסמא", "κωδικός", "Κωδικός", "κωδικός πρόσβασης", "पासवर्ड",
    "รหัสผ่าน", "identified by", "jelszó", "лозинка",
];

/// Ends of names whose value is a secret, perhaps a word, in small letters without separators.
#[rustfmt::skip]
pub(super) const PASSWORDS: &[&str] = &[
    "passwords", "securestring", "presharedkey", "wifipsk", "wpapsk",
    "password", "passwd", "passphrase", "passcode", "pwd", "passwort", "kennwort", "contrasena", "senha",
    "parola", "wachtwoord", "heslo", "haslo", "salasana", "lozinka", "losenord", "adgangskode", "sifre",
    "jelszo", "katasandi", "matkhau", "geslo", "parol", "motdepasse", "dbpass", "userpass", "sudopass",
    "rootpass", "adminpass", "mysqlpass", "authpass", "smtppass", "mailpass", "ftppass", "pgpass", "redispass",
    "sshpass", "keypass", "storepass", "passw", "claveacceso", "clavedeacceso", "mdp", "passkey", "loginpass",
    "proxypass", "requirepass", "masterauth", "masterpass",
];

/// Last words of names whose value is a secret, perhaps a word: too short to be ends only.
const SHORT_PASSWORDS: &[&str] = &["pass", "pw", "psk"];

/// Ends of names whose value is a secret.
#[rustfmt::skip]
pub(super) const SECRETS: &[&str] = &[
    "apikey", "apikeys", "accesskey", "secretkey", "privatekey", "accountkey", "signingkey", "encryptionkey",
    "masterkey", "authkey", "sharedkey", "storagekey", "servicekey", "subscriptionkey", "sshkey", "licensekey",
    "appkey", "applicationkey", "clientkey", "consumerkey", "ingestkey", "writekey", "adminkey", "rootkey",
    "hmackey", "aeskey", "cryptkey", "decryptionkey", "webhookkey", "deploykey", "functionkey", "hostkey",
    "apitoken", "accesstoken", "refreshtoken", "authtoken", "bearertoken", "idtoken", "sessiontoken",
    "securitytoken", "bottoken", "usertoken", "clientsecret", "appsecret", "sharedsecret", "consumersecret",
    "webhooksecret", "apisecret", "sessionsecret", "jwtsecret", "connectionstring", "privatekeyid",
    "sessionkey", "passwordhash", "passwdhash", "sessionid", "phpsessid", "jsessionid", "otpsecret", "totp",
    "amzcredential", "googsignature", "amzsignature", "samlresponse", "samlrequest", "clientassertion",
    "codeverifier", "secretid", "devicesecret", "oauthtoken", "deploytoken", "personaltoken", "patoken",
    "webhooktoken", "csrftoken", "xsrftoken", "runnertoken", "jobtoken", "servicetoken", "registrytoken",
    "vaulttoken", "npmtoken", "pypitoken", "botkey", "keypair",
];

/// Ends of names whose value is a secret unless it reads as a word.
#[rustfmt::skip]
pub(super) const BARE: &[&str] = &[
    "token", "secret", "credential", "credentials", "creds", "signature", "jwt", "bearer", "assertion", "dsn",
];

/// Ends of names whose value may be one.
#[rustfmt::skip]
pub(super) const WEAK: &[&str] = &[
    "key", "auth", "pass", "sig", "session", "sid", "ticket", "code", "otp", "clave", "verifier", "webhook",
    "schluessel", "secrets", "tokens",
];

/// Ends of names that are of a kind of their own.
pub(super) const OTHERS: &[&str] = &["authorization", "authorisation", "cookie"];

/// What makes a token of it that opens nothing, before `token`.
#[rustfmt::skip]
const BENIGN_TOKENS: &[&str] = &[
    "next", "page", "continuation", "stop", "eos", "bos", "pad", "mask", "unk", "special", "sep", "cls",
    "first", "last", "max", "min", "per", "each", "start", "begin", "end", "prompt", "output", "input",
    "completion", "total", "cached", "image", "text", "audio", "thinking", "reasoning", "budget",
    "cancellation", "sync", "delimiter", "current", "prev", "previous", "added", "new", "single", "final",
    "predicted", "generated", "previouspage", "every", "one", "pagination", "cursor", "resume", "nextpage",
    "design", "color", "draft", "accepted", "rejected", "sampled",
];

/// Ends of a name that say which of several it is.
#[rustfmt::skip]
pub(super) const QUALIFIERS: &[&str] = &[
    "value", "string", "plaintext", "plain", "base64", "b64", "base", "production", "prod", "development",
    "dev", "staging", "stage", "sandbox", "live", "test", "old", "new", "current", "backup", "primary",
    "secondary", "default", "raw", "env", "confirmation", "confirm", "again", "repeat", "val", "str",
];

/// Makers of what a `key` opens: with such a word before it, it is a secret.
#[rustfmt::skip]
const MAKERS: &[&str] = &[
    "openai", "anthropic", "claude", "gemini", "google", "mistral", "cohere", "deepseek", "groq", "openrouter",
    "perplexity", "together", "fireworks", "replicate", "huggingface", "pinecone", "weaviate", "qdrant",
    "voyage", "jina", "wandb", "langsmith", "langchain", "langfuse", "datadog", "newrelic", "sentry",
    "cloudflare", "heroku", "twilio", "sendgrid", "mailgun", "mailchimp", "stripe", "slack", "discord",
    "telegram", "github", "gitlab", "azure", "aws", "okta", "algolia", "pagerduty", "airtable", "notion",
    "figma", "shopify", "elevenlabs", "deepgram", "assemblyai", "stability", "nvidia", "cerebras", "databricks",
    "snowflake", "zendesk", "hubspot", "intercom", "mapbox", "maxmind", "dropbox", "jira", "confluence",
    "atlassian", "bitbucket", "circleci", "travis", "vercel", "netlify", "supabase", "digitalocean", "linode",
    "vultr", "alibaba", "aliyun", "tencent", "serpapi", "tavily", "bing", "finnhub", "alphavantage", "coinbase",
    "kraken", "binance", "ssh", "rsa", "hmac", "fernet", "wifi", "wpa", "django", "flask", "encryption",
    "license", "licence", "dashscope", "moonshot", "zhipu", "minimax", "kimi", "qwen", "ai21", "exa",
];

/// Bytes of a name that count: its end.
pub(super) const MAX_BYTES: usize = 64;

/// A name in small letters and digits alone, its last [`MAX_BYTES`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Folded {
    bytes: [u8; MAX_BYTES],
    length: usize,
}

impl Folded {
    /// Of a text, whose other characters do not count.
    pub(super) fn new(text: &str) -> Self {
        let mut folded = Self { bytes: [0; MAX_BYTES], length: 0 };
        let begin = text.len().saturating_sub(MAX_BYTES);
        let bytes = text.as_bytes().get(begin..).unwrap_or_default();
        steps::add(bytes.len());
        for byte in bytes.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
            if let Some(place) = folded.bytes.get_mut(folded.length) {
                *place = byte.to_ascii_lowercase();
                folded.length += 1;
            }
        }
        folded
    }

    /// The letters and digits.
    pub(super) fn get(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

/// Whether the value under a name is hidden whatever it looks like.
pub(super) fn hides(name: &str) -> bool {
    // The mark that stands in a name's place says nothing of its value.
    !value::is_token(name) && strength(name) > Strength::Weak
}

/// Whether the name is that of several secrets.
pub(super) fn holds(name: &str) -> bool {
    let folded = Folded::new(name);
    ["secrets", "tokens"].iter().any(|word| folded.get().ends_with(word))
}

/// What a name says of its value.
pub(super) fn strength(name: &str) -> Strength {
    if !ending::is_known(name) {
        return Strength::None;
    }
    let folded = Folded::new(name);
    let (before, last) = last_words(name);
    if BENIGN_TOKENS
        .iter()
        .any(|word| last.eq_ignore_ascii_case("token") && before.eq_ignore_ascii_case(word))
    {
        return Strength::None;
    }
    if SHORT_PASSWORDS.iter().any(|word| last.eq_ignore_ascii_case(word)) {
        // Alone, `pass` counts tests.
        return if before.is_empty() { Strength::Bare } else { Strength::Password };
    }
    let name = folded.get().trim_end_matches(|c: char| c.is_ascii_digit());
    let found = of_folded(name);
    if found != Strength::None {
        return found;
    }
    if ending::lists_of(name) & ending::QUALIFIER == 0 {
        return Strength::None;
    }
    // `PASSWORD_PROD`, `secretValue`.
    let qualified = QUALIFIERS.iter().find_map(|qualifier| name.strip_suffix(qualifier));
    match qualified.map(of_folded) {
        // A token's text is any word of a text.
        Some(Strength::Bare) if qualified.is_some_and(|name| name.ends_with("token")) => Strength::Weak,
        Some(found) => found,
        None => Strength::None,
    }
}

/// The last two words of a name, which signs or capital letters part.
fn last_words(name: &str) -> (&str, &str) {
    let name = name.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
    let (rest, last) = split_word(name);
    (split_word(rest.trim_end_matches(|c: char| !c.is_ascii_alphabetic())).1, last)
}

fn split_word(name: &str) -> (&str, &str) {
    let bytes = name.as_bytes();
    let bytes = bytes.get(bytes.len().saturating_sub(MAX_BYTES)..).unwrap_or_default();
    let mut length = 0;
    let mut after = None;
    for byte in bytes.iter().rev() {
        // From the back: a small letter before a capital one ends the word that the capital begins.
        let is_begun = after.is_some_and(|after: u8| after.is_ascii_uppercase()) && byte.is_ascii_lowercase();
        if !byte.is_ascii_alphabetic() || is_begun {
            break;
        }
        length += 1;
        after = Some(*byte);
    }
    steps::add(length);
    name.split_at_checked(name.len() - length).unwrap_or(("", name))
}

fn of_folded(name: &str) -> Strength {
    let lists = ending::lists_of(name);
    let ends =
        |list: Lists, words: &[&str]| lists & list != 0 && words.iter().any(|word| ends_with(name, word));
    if ends(ending::OTHER, OTHERS) {
        return if name.ends_with("cookie") { Strength::Cookie } else { Strength::Authorization };
    }
    if ends(ending::PASSWORD, PASSWORDS) {
        return Strength::Password;
    }
    if ends(ending::SECRET, SECRETS) {
        return Strength::Strong;
    }
    if ends(ending::IS_BARE, BARE) {
        // Alone it is a word of many meanings.
        let is_alone = BARE.contains(&name);
        return if is_alone || name.ends_with("dsn") { Strength::Bare } else { Strength::Strong };
    }
    if !ends(ending::IS_WEAK, WEAK) {
        return Strength::None;
    }
    let is_key = name.ends_with("key") || name.ends_with("auth") || name.ends_with("pass");
    if is_key && !name.ends_with("publickey") && MAKERS.iter().any(|maker| name.contains(maker)) {
        return Strength::Strong;
    }
    Strength::Weak
}

/// Most ends are told from others by their first letter.
fn ends_with(name: &str, end: &str) -> bool {
    let (name, end) = (name.as_bytes(), end.as_bytes());
    let begin = name.len().checked_sub(end.len());
    begin.is_some_and(|begin| name.get(begin) == end.first() && name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_hide_their_values() {
        for name in [
            "password",
            "PASSWORD",
            "db_password",
            "dbPassword",
            "DB_PASSWORD_PROD",
            "user-password2",
            "passwd",
            "pwd",
            "MY.API-KEY",
            "x-api-key",
            "X-Goog-Api-Key",
            "apiKey",
            "OPENAI_API_KEY",
            "openai_key",
            "client_secret",
            "clientSecretValue",
            "aws_secret_access_key",
            "SecretAccessKey",
            "AccountKey",
            "private_key",
            "access_token",
            "accessToken",
            "refresh_token",
            "token",
            "secret",
            "X-Amz-Signature",
            "authorization",
            "Proxy-Authorization",
            "Set-Cookie",
            "credentials",
            "Ocp-Apim-Subscription-Key",
            "SECRET_KEY_BASE",
            "passphrase",
            "Passwort",
            "senha",
            "contrasena",
            "hashed_password",
            "password_hash",
            "auth_token",
            "ADMIN_TOKEN",
            "backendToken",
            "RABBITMQ_DEFAULT_PASS",
            "admin_pw",
        ] {
            assert!(hides(name), "{name}");
        }
    }

    #[test]
    fn names_that_do_not() {
        for name in [
            "",
            "max_tokens",
            "token_count",
            "tokenizer",
            "total_tokens",
            "tokens",
            "monkey",
            "keyboard",
            "key",
            "primary_key",
            "foreign_key",
            "public_key",
            "stop_token",
            "nextPageToken",
            "next_token",
            "eos_token",
            "keyword",
            "author",
            "authority",
            "compass",
            "passage",
            "secretary",
            "password_length",
            "token_type",
            "secret_name",
            "tokenize",
            "code",
            "encode",
            "session",
            "keys",
            "passenger",
            "passing",
            "cookies",
            "max_output_tokens",
            "prompt_tokens",
            "cached_tokens",
            "continuation_token",
            "cache_key",
            "[CREDENTIAL]",
            "sort_key",
        ] {
            assert!(!hides(name), "{name}");
        }
    }

    #[test]
    fn each_name_has_a_word_that_the_automaton_knows() {
        for name in PASSWORDS.iter().chain(SECRETS).chain(BARE).chain(WEAK) {
            assert!(
                WORDS.iter().any(|word| name.contains(word))
                    || ["totp"].contains(name)
                    || *name == "schluessel",
                "{name}"
            );
        }
    }
}
