//! Values: what stands for a secret, what is code, what looks random.

use super::alphabet::steps;
use super::name::{self, Folded, Strength};
use super::vendor::Mix;

/// Bytes of a value that could be something else than a secret.
pub(super) const PLAIN_MAX_BYTES: usize = 96;

/// Values that say that there is none, and names of types.
#[rustfmt::skip]
const PLACEHOLDERS: &[&str] = &[
    "null", "none", "nil", "undefined", "true", "false", "yes", "no", "n/a", "na", "nan", "redacted", "hidden",
    "masked", "removed", "filtered", "omitted", "string", "str", "text", "int", "integer", "number", "bool",
    "boolean", "bytes", "object", "any", "array", "list", "dict", "unknown", "empty", "blank", "required",
    "optional", "default", "include", "omit", "same-origin", "not set", "not-set", "unset", "tbd", "todo",
    "char", "varchar", "secretstr", "uuid", "float", "void", "auto", "off", "on", "enabled", "disabled",
    "example", "placeholder", "your", "value", "optional[str]", "option<string>", "&str", "&'static str", "env",
    "inherit", "self", "this", "await", "xxx", "abc123...", "changeit...", "[redacted]", "bearer", "basic",
    "basicauth", "oauth", "oauth2", "jwt", "apikey", "select", "lambda", "function", "new", "async", "byte[]",
    "stringvar", "encrypted", "secretref", "sensitive", "invalid", "expired", "missing", "ok", "and", "or",
    "not", "if", "else", "then", "return", "import", "from",
];

/// What follows `password is`, `password:`, `--password` where none is told.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "a", "about", "above", "accepted", "again", "all", "allowed", "already", "also", "always", "an", "and",
    "any", "are", "as", "at", "authentication", "automatically", "bad", "based", "be", "because", "been",
    "being", "below", "between", "both", "but", "by", "can", "cannot", "case", "case-sensitive", "changed",
    "check", "compromised", "confirmation", "contains", "correct", "default", "different", "does", "easy",
    "either", "empty", "encrypted", "entered", "equal", "even", "ever", "expired", "field", "file", "fine",
    "first", "flag", "for", "forgotten", "found", "from", "generated", "given", "going", "good", "hard", "has",
    "hashed", "have", "here", "hidden", "how", "i", "identical", "if", "important", "in", "incorrect", "indeed",
    "input", "invalid", "is", "it", "its", "just", "kept", "known", "last", "leaked", "like", "long", "lost",
    "made", "manager", "managers", "may", "missing", "more", "most", "must", "my", "needed", "never", "new",
    "no", "not", "now", "of", "ok", "old", "on", "only", "option", "optional", "or", "our", "passed", "policy",
    "private", "prompt", "protected", "public", "rather", "read", "required", "requirements", "reset", "right",
    "rules", "safe", "same", "secret", "secure", "sensitive", "sent", "set", "shared", "shorter", "should",
    "shown", "simple", "simply", "so", "some", "something", "stored", "strength", "strong", "still", "string",
    "such", "supposed", "system", "than", "that", "the", "their", "them", "then", "there", "they", "this", "to",
    "too", "true", "typed", "under", "unique", "unknown", "up", "updated", "used", "user", "using", "valid",
    "value", "very", "via", "visible", "was", "we", "weak", "what", "when", "where", "whether", "which", "who",
    "why", "will", "with", "within", "without", "wrong", "yet", "you", "your", "nicht", "falsch", "richtig",
    "der", "die", "das", "ein", "eine", "zu", "sehr", "ist", "und", "el", "la", "los", "las", "un", "una",
    "muy", "incorrecta", "incorrecto", "correcta", "le", "les", "une", "pas", "trop", "incorrect", "não",
    "muito", "leer", "requis", "requise", "obligatoire", "obligatorio", "obligatoria", "erforderlich",
    "vergessen", "nieprawidłowe", "wymagane", "неверный", "обязателен", "requerida", "obrigatória", "obbligatoria", "sbagliata", "errata", "inválida", "vereist", "onjuist", "hier",
];

/// Beginnings of words that have digits and are none the less words.
#[rustfmt::skip]
const TERMS: &[&str] = &[
    "sha", "md5", "oauth", "base64", "base58", "utf", "iso", "rfc", "aes", "rsa", "http", "bcrypt", "argon2",
    "pbkdf2", "oidc", "saml2", "x509", "ed25519", "w3", "web3", "tls", "ssl", "v1.", "v2.", "hmac", "ipv",
    "2fa", "mfa", "pkcs", "i18n", "8-", "12-", "16-", "24-", "32-", "64-",
];

/// What closes a sentence, or a quotation or brackets of typography, round a value.
const BEHIND: &[char] =
    &['.', ',', ':', ';', '?', '!', '“', '”', '’', '»', '›', '」', '』', '】', '）', '。', '，', '…'];

/// Objects whose members are secrets that are elsewhere.
#[rustfmt::skip]
const ROOTS: &[&str] = &[
    "self", "this", "args", "config", "cfg", "conf", "os", "process", "request", "req", "settings", "env",
    "data", "form", "params", "event", "ctx", "context", "user", "st", "secrets", "secret", "options", "opts",
    "props", "body", "var", "local", "module", "app", "client", "state", "input", "values", "vars",
    "credentials", "creds", "auth", "session", "import", "response", "res", "resp", "account", "data.aws",
    "random_password", "result", "obj", "db", "row", "parsed", "json",
];

/// Whether a text stands in a credential's place: `[CREDENTIAL]`, `[REDACTED]`.
pub(super) fn is_token(text: &str) -> bool {
    let Some(word) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) else { return false };
    !word.0.is_empty()
        && word.0.len() <= 48
        && word
            .0
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || b"_ -:#".contains(&byte) || byte.is_ascii_digit())
}

/// Whether a value is filled in elsewhere: `${PASSWORD}`, `{{ token }}`, `<your key>`, `%s`.
pub(super) fn is_template(value: &str) -> bool {
    if value.len() > PLAIN_MAX_BYTES {
        return false;
    }
    let framed = |open: &str, close: &str| {
        value.len() > open.len() && value.starts_with(open) && value.ends_with(close)
    };
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-[]'\" :/()|".contains(&byte))
    };
    let inner = |open: &str, close: &str| {
        value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).is_some_and(is_name)
    };
    steps::add(value.len());
    framed("<", ">")
        || framed("${", "}")
        || framed("$(", ")")
        || framed("{{", "}}")
        || framed("#{", "}")
        || framed("<%", "%>")
        || inner("{", "}")
        || inner("%", "%")
        || inner("__", "__")
        || inner("[", "]")
            && value.bytes().any(|byte| byte.is_ascii_alphabetic())
            && !value.bytes().any(|byte| byte.is_ascii_digit())
        || is_token(value)
        || matches!(value, "{}" | "%s" | "%d" | "%v" | "%q" | "%r" | "%@" | "?" | "$1" | "$2" | "{0}" | "{1}")
        || is_variable(value)
}

/// `$PASSWORD`, `$env:TOKEN`; not `$ecret`.
fn is_variable(value: &str) -> bool {
    let Some(name) = value.strip_prefix("$env:").or_else(|| value.strip_prefix('$')) else { return false };
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_constant = name.len() > 2
        && !name.bytes().any(|byte| byte.is_ascii_lowercase())
        && name.bytes().any(|byte| byte.is_ascii_uppercase());
    is_name && !name.is_empty() && (is_constant || name::strength(name) > Strength::None)
}

/// Whether a value stands for one, or says that there is none.
pub(super) fn is_placeholder(value: &str) -> bool {
    if value.len() > PLAIN_MAX_BYTES {
        return false;
    }
    if is_template(value) {
        return true;
    }
    let lower = value.to_lowercase();
    let word = lower.trim_end_matches(BEHIND).trim_end_matches(['.', ',', ':', ')', ']', '}', '>', '|', '*']);
    let says_whose = lower.contains("your") && !lower.bytes().any(|byte| byte.is_ascii_digit());
    let is_told = [
        "enter", "insert", "replace", "<", "example-", "example_", "put-", "put_", "my-api", "my_api",
        "todo", "dummy-", "dummy_", "fake-", "fake_", "add-your",
    ]
    .iter()
    .any(|start| lower.starts_with(start))
        && !lower.bytes().any(|byte| byte.is_ascii_digit());
    let is_here = (lower.ends_with("-here") || lower.ends_with("_here") || lower.ends_with(" here"))
        && !lower.bytes().any(|byte| byte.is_ascii_digit());
    PLACEHOLDERS.contains(&word)
        || says_whose
        || is_told
        || is_here
        || lower.contains("placeholder")
        || is_masked(value)
}

/// Whether nothing of it is shown, or not all.
fn is_masked(value: &str) -> bool {
    let mut chars = value.chars();
    let first = chars.next();
    let is_one = value.chars().count() > 2
        && first.is_some_and(|first| !first.is_ascii_digit() && chars.all(|c| c == first));
    let is_blank = value.chars().all(|c| "xX*.•-_#?·●█… ".contains(c));
    steps::add(value.len());
    let lower = value.to_ascii_lowercase();
    is_one
        || is_blank
        || lower.contains("xxxx")
        || value.contains("***")
        || value.contains("•••")
        || value.strip_suffix("...").or_else(|| value.strip_suffix('…')).is_some_and(is_beginning)
}

/// Whether no more is shown of a secret than its beginning, as in `sk-proj-Ab3d…`; what ends there is a sentence
/// otherwise.
fn is_beginning(shown: &str) -> bool {
    const SECRET_MIN_BYTES: usize = 10;
    let last = shown.rsplit(['-', '_']).next().unwrap_or_default();
    let has_sign = last.bytes().any(|byte| b"!@#$%^&*+=~".contains(&byte));
    last.len() < SECRET_MIN_BYTES || !Mix::of(last.as_bytes()).has_all() && !has_sign
}

/// Whether a bare value is an expression of a program rather than a text: a call, a member, a variable of the name.
pub(super) fn is_code(value: &str, name: &str) -> bool {
    if value.len() > PLAIN_MAX_BYTES {
        return false;
    }
    steps::add(value.len());
    let value = value.trim_start_matches(['&', '*', '@']);
    // `abc(1!` is no call.
    let value = value.trim_end_matches(|c| c != '!' && BEHIND.contains(&c));
    let path = value.len()
        - value.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_.$:?>-".contains(c)).len();
    let (path, rest) = value.split_at_checked(path).unwrap_or((value, ""));
    let is_path =
        path.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$') && path.len() >= 2;
    if !is_path {
        return false;
    }
    if rest.starts_with(['(', '[']) {
        // `getenv(`, `os.environ[`: a text follows, or more of names.
        return rest
            .bytes()
            .skip(1)
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.()[]{}:?$&*>-".contains(&byte))
            && !path.contains('-');
    }
    if !rest.is_empty() && !rest.bytes().all(|byte| b")]}".contains(&byte)) {
        return false;
    }
    let mut parts = path.split(['.', ':', '?', '>', '-']).filter(|part| !part.is_empty());
    let first = parts.next().unwrap_or_default();
    let Some(last) = parts.next_back() else {
        return is_variable_of(first, name);
    };
    let is_member = path.contains('.') || path.contains("::") || path.contains("->");
    let is_identifier = |part: &str| !part.starts_with(|c: char| c.is_ascii_digit());
    let root = first.trim_start_matches(['$', '_']).to_ascii_lowercase();
    is_member
        && is_identifier(last)
        && (ROOTS.contains(&root.as_str())
            || name::strength(last) > Strength::None && !last.bytes().any(|byte| byte.is_ascii_digit()))
}

/// `password=password`, `api_key=new_api_key`.
fn is_variable_of(value: &str, name: &str) -> bool {
    let value = value.trim_start_matches(['$', '_']);
    if !value.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
        return false;
    }
    let (folded_value, folded_name) = (Folded::new(value), Folded::new(name));
    let (value_is, name_is) = (folded_value.get(), folded_name.get());
    if name_is.ends_with(value_is) && name::strength(value) > Strength::None {
        return true;
    }
    let is_snake = value.contains('_') && !value.bytes().any(|byte| byte.is_ascii_uppercase());
    let is_camel = value.starts_with(|c: char| c.is_ascii_lowercase())
        && value.bytes().any(|byte| byte.is_ascii_uppercase());
    (is_snake || is_camel) && name::strength(value) >= Strength::Bare
}

/// Whether it is a word that follows where none is told.
pub(super) fn is_word(value: &str) -> bool {
    let word = value.trim_matches(|c: char| !c.is_alphanumeric() && c != '\'').to_lowercase();
    steps::add(value.len());
    let is_form = word.len() > 5 && (word.ends_with("ed") || word.ends_with("ing") || word.ends_with("ly"));
    word.is_empty()
        || WORDS.contains(&word.as_str())
        || is_form && word.bytes().all(|byte| byte.is_ascii_lowercase())
        || word.contains('\'')
}

/// Whether no language has it as a word: digits among letters, capitals within, signs.
pub(super) fn is_no_word(value: &str) -> bool {
    let value = value.trim_end_matches(['.', ',', ':', ';', ')', '!', '?']);
    let lower = value.to_ascii_lowercase();
    steps::add(value.len());
    if TERMS
        .iter()
        .any(|term| lower.strip_prefix(term).is_some_and(|rest| !rest.starts_with(char::is_alphabetic)))
        || lower.starts_with("http")
    {
        return false;
    }
    let mix = Mix::of(value.as_bytes());
    let has_letter = mix.upper || mix.lower;
    let has_capital_within = value.chars().skip(1).any(|c| c.is_ascii_uppercase()) && mix.lower;
    let has_sign = value.bytes().any(|byte| b"!@#$%^&*+=~".contains(&byte));
    value.len() >= 5
        && (mix.digit && has_letter
            || has_capital_within && value.len() >= 10
            || has_sign && has_letter
            || value.len() >= 24 && !value.contains('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_secret() {
        for value in [
            "<your-key>",
            "${VAR}",
            "$PASSWORD",
            "$password",
            "xxx",
            "XXXXXXXX",
            "****",
            "null",
            "None",
            "true",
            "str",
            "{{ password }}",
            "{token}",
            "your-api-key",
            "YOUR_API_KEY",
            "sk-...",
            "%s",
            "[REDACTED]",
            "your_token_here",
            "<secret>",
            "••••••",
            "%PASSWORD%",
        ] {
            assert!(is_placeholder(value), "{value}");
        }
        for value in [
            "hunter2",
            "$ecret",
            "abc",
            "letmein",
            "P@ssw0rd!",
            "correct horse battery",
            "changeme",
            "00000000",
            "{\"a",
        ] {
            assert!(!is_placeholder(value), "{value}");
        }
    }

    #[test]
    fn code_or_text() {
        for (value, name) in [
            ("os.environ[", "api_key"),
            ("getenv(", "password"),
            ("password", "password"),
            ("api_key", "api_key"),
            ("self.token", "token"),
            ("process.env.OPENAI_API_KEY", "apiKey"),
            ("args.password", "password"),
            ("getToken()", "token"),
            ("new_password", "password"),
            ("config->secret", "secret"),
            ("request.form[", "password"),
            ("access_token)", "token"),
            ("Token::new(", "token"),
            ("apiKey", "apiKey"),
        ] {
            assert!(is_code(value, name), "{value}");
        }
        for (value, name) in [
            ("hunter2", "password"),
            ("MySecretPassword", "password"),
            ("abc(1!", "password"),
            ("a.b.c", "token"),
            ("swordfish", "password"),
        ] {
            assert!(!is_code(value, name), "{value}");
        }
    }
}
