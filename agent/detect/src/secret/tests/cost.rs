//! What hostile text may cost.

use proptest::prelude::*;

use crate::secret::Secrets;
use crate::secret::alphabet::steps;

/// The most steps for a byte, beside those of the automaton. Quadratic would be 10,000 and more.
const STEPS_MAX: usize = 96;

/// How many steps `bytes` of text that repeats `piece` take for each byte.
fn steps_for_a_byte(piece: &str, bytes: usize) -> usize {
    let text = piece.repeat(bytes.div_ceil(piece.len()));
    let secrets = Secrets::new();
    steps::take();
    secrets.find(&text, &mut Vec::new());
    steps::take() / text.len()
}

#[rustfmt::skip]
const PIECES: &[&str] = &[
    "eyJ.", "eyJ-", "eyJa_", "eyJ.e.", ".eyJabcdefgh", "eyJabcdefgh.eyJ ", "eyJabcdefgh.a eyJabcdefgh", "eyJhbGciOiJ ", "sk-", "-sk-a ", "sk-proj-", "sk-a1", "AKIA", "AKIA-", "hf_a",
    "xoxb-", "s.", "re_", "1/", ":AA", "1:AA", "Q~", "a1aQ~", "+ASt", "-us", "_mmk", "JQQJ99", ".atlasv1.", "organizations/", "AAAAAAAAAAAAAAAAAAAAAA", "a+AKIA/", "MIIEpAIBAAKCAQ ",
    "://a@", "://", "://a:b", "://a:b/", "://a:b?c", "@tcp(", "a:b@tcp(", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY----- -----END ", "---- BEGIN ", "Private-Lines: 1 ", "Private-Lines: 1",
    "token=", "token=\"", "token= ", "token=bearer ", "bearer ", "Bearer bearer:", "basic a ", "basic aaaaaaaa ", "=", "-", ":", "\"", "\\", "\\\"", "password=password=", "password='", "password=`", "password: ",
    "password: |\n", "password\":\"", "password\\\":\\\"", "password is ", "password for ", "password for a ", "password ", "key=", "key=a1B", "key: ", "key\", \"", "?key=", "&key=", "secret", "secrettoken", "secret_",
    "secrets:{", "secrets:{\"a\":\"b\"", "api_keys=[\"a\",", "tokens:\n  ", "tokens:\n  a: b\n", "<password a=\"b\"", "<password a>b", "password</td><td>", "password</td>", "password changed to ", "requirepass ",
    "a.key", "a key ", "api key: ", "auth ", "Authorization: ", "Authorization: Digest ", "Authorization: Digest a", "Authorization: AWS4-HMAC-SHA256 \"", "authorization=\"digest ", "cookie: a=b", "cookie: ", "cookie=", "Cookie: a=\"", "set-cookie: a='b",
    "mysql -p", "curl -u ", "curl ", "curl '", "curl -u a:b ", "redis-cli -a ", "openssl pass:", "пароль", "пароль: ", "密码", "密码是", "密码：", "mot de passe ", "identified by '", "--password ", "--password --password", "name: password\n value", "password\nvalue:",
    "${", "password=${", "password={{", "password=<", "password=xxxx", "password=your", "password=a.b(", "token=a.token", "password: str = ", "password: str", "password,", "| password ", "| password |\n|---|\n", "password,a\n", "password,password\n", "password\t", "a,password\nb,c\n", "passwords ", "auth('a', ", "auth=('a','", "<password>a", "name=\"password\"\r\n\r\n", "password: </b>", "«password: « ", "Authorization: a a", "Authorization: A b1c2d3e4", "a,", "password=a,", "secret=http://", "PWD=/", "PWD=~", "token='", "token=\"token':'", "api_key: a-", "cookie=a=b\\", "password=a&b", "password=a&",
];

#[test]
fn hostile_text_is_read_once() {
    let costs = PIECES
        .iter()
        .map(|piece| (piece, steps_for_a_byte(piece, 1 << 14), steps_for_a_byte(piece, 1 << 16)));
    let dear: Vec<_> = costs.filter(|(_, small, large)| small.max(large) > &STEPS_MAX).collect();
    assert!(dear.is_empty(), "{dear:?}");
}

proptest! {
    #[test]
    fn no_text_is_read_more_than_once(piece in "(eyJ|sk-|AKIA|://|@|=|: |token|key|password|[Bb]earer |basic |cookie|Authorization|digest |curl -u |пароль|-----BEGIN |PRIVATE KEY-----|-----END | is | for |value|[.\"'` &?/%_\\\\,;({$<|-]|[a-z0-9]{1,12}){1,8}") {
        let steps = steps_for_a_byte(&piece, 1 << 14);
        prop_assert!(steps <= STEPS_MAX, "{}: {}", piece, steps);
    }
}

/// Nanoseconds that this thread was on a processor (proc(5), `schedstat`).
fn on_processor() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

/// Prints steps and speed: `cargo test --release -p spanwire-detect secret::tests::cost::speed -- --ignored --nocapture`.
#[test]
#[ignore = "prints figures"]
#[expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "prints figures")]
fn speed() {
    let prose = "The quick brown fox jumps over the lazy dog, and the keeper of the keys said: this is a test of prose. ".repeat(1 << 14);
    let json = r#"{"role":"assistant","content":[{"type":"text","text":"Weather in Paris: 21 degrees."}],"tool_calls":[{"id":"call_9pJ4kXyZ7Q","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}],"usage":{"prompt_tokens":12,"total_tokens":30}},"#.repeat(1 << 13);
    let secrets = Secrets::new();
    for (name, text) in [("prose", prose), ("JSON", json)] {
        let text = &text[..1 << 20];
        steps::take();
        let mut found = Vec::new();
        let begun = on_processor();
        for _ in 0..16 {
            secrets.find(text, &mut found);
        }
        let seconds = (on_processor() - begun) as f64 / 1e9;
        let per_byte = steps::take() as f64 / 16.0 / text.len() as f64;
        println!(
            "{name}: {:.0} MB/s, {per_byte:.2} steps a byte, {} found",
            16.0 * 1.048_576 / seconds,
            found.len()
        );
        let begun = on_processor();
        let mut signs = 0;
        for _ in 0..16 {
            crate::secret::ANCHORS.signs(text, |_, _, _| signs += 1);
        }
        let seconds = (on_processor() - begun) as f64 / 1e9;
        println!(
            "  the automaton alone: {:.0} MB/s, {} bytes a sign",
            16.0 * 1.048_576 / seconds,
            16 * text.len() / signs
        );
    }
    let mut worst: Vec<_> = PIECES.iter().map(|piece| (steps_for_a_byte(piece, 1 << 16), piece)).collect();
    worst.sort_unstable();
    println!("worst: {:?}", worst.iter().rev().take(12).collect::<Vec<_>>());
}
