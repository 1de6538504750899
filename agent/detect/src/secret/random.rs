//! What looks random.

use super::alphabet::steps;
use super::vendor::Mix;

/// Whether a value is random: of many kinds of characters, none of the things that only look so.
pub(super) fn is_random(value: &str) -> bool {
    const MIN_BYTES: usize = 16;
    let bytes = value.as_bytes();
    let is_token = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-+/=.~".contains(byte));
    steps::add(bytes.len());
    if bytes.len() < MIN_BYTES || !is_token || is_identifier(value) {
        return false;
    }
    Mix::of(bytes).has_all() && entropy(bytes) > 3.2 && !reads_like_words(value)
}

/// Request ids and the like, whose prefix says what they are; versions, dates, addresses.
fn is_identifier(value: &str) -> bool {
    #[rustfmt::skip]
    const PREFIXES: &[&str] = &[
        "chatcmpl-", "cmpl-", "req_", "call_", "toolu_", "msg_", "run_", "thread_", "asst_",
        "file-", "resp_", "rs_", "fc_", "ws_", "batch_", "step_", "evt_", "gen-", "cus_", "ch_",
        "pi_", "sub_", "prod_", "price_", "in_", "user_", "org-", "proj_", "usr_", "org_", "trace-",
        "span-", "img_", "vs_", "fp_", "sha256-", "sha384-", "sha512-", "sha1-", "pk_", "iVBOR",
        "/9j/", "R0lGOD", "UklGR", "JVBER",
    ];
    PREFIXES.iter().any(|prefix| value.starts_with(prefix))
        || value.contains("://")
        || value.matches('/').count() > 2 && !value.contains('=')
}

/// Bits a byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 128];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(byte & 0x7f)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum()
}

/// Whether its pieces could be said, as those of a model's or a file's name can.
fn reads_like_words(value: &str) -> bool {
    const SHORT_MAX_BYTES: usize = 5;
    let pieces = value.split(['_', '-', '.', '/', '+', '=', '~']).filter(|piece| !piece.is_empty());
    let mut count = 0;
    let mut longest = 0;
    for piece in pieces {
        count += 1;
        let bytes = piece.as_bytes();
        // `8x7B`.
        if bytes.len() <= SHORT_MAX_BYTES {
            continue;
        }
        // Changes between letters and digits, and from small to capital: a word has one at most.
        let changes = bytes.windows(2).filter(|pair| {
            matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit() || a.is_ascii_lowercase() && b.is_ascii_uppercase())
        });
        longest = longest.max(changes.count());
    }
    longest <= 1 || count > 2 && longest <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_or_not() {
        for value in ["Ab3dEf6hIj9lMn2pQr5tUv8x", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzQ7", "q8Zk-3vTn_0LwXyB2rPm"]
        {
            assert!(is_random(value), "{value}");
        }
        for value in [
            "123e4567-e89b-12d3-a456-426614174000",
            "d41d8cd98f00b204e9800998ecf8427e",
            "2024-01-01T00:00:00Z",
            "gpt-4o-mini-2024-07-18",
            "Meta-Llama-3.1-70B-Instruct",
            "chatcmpl-AbCdEf0123456789AbCdEf",
            "toolu_01A09q90qw90lq917835lq9",
            "us-east-1",
            "ArrowDown",
            "KeyboardInterrupt",
            "Mixtral-8x7B-Instruct-v0.1",
            "https://Example1.com/a/b",
        ] {
            assert!(!is_random(value), "{value}");
        }
    }
}
