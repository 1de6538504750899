//! Text for a terminal: safe, of a given width, and numbers as people read them.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

const RED: &str = "31";
const GREEN: &str = "32";
const DIM: &str = "2";
const BOLD: &str = "1";

/// How a piece of text stands out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    Good,
    Bad,
    Aside,
    Title,
}

/// Adds a style, when colours are wanted.
pub(super) fn paint(text: &str, style: Style, color: bool) -> String {
    let code = match style {
        Style::Good => GREEN,
        Style::Bad => RED,
        Style::Aside => DIM,
        Style::Title => BOLD,
    };
    if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// At most `width` characters of `text`, without any that could move the cursor, change colours or
/// turn the direction of reading. `…` marks a cut.
pub(crate) fn clip(text: &str, width: usize) -> String {
    let mut clipped: String =
        text.chars().take(width).map(|c| if is_safe(c) { c } else { '\u{fffd}' }).collect();
    if text.chars().nth(width).is_some() {
        clipped.pop();
        clipped.push('…');
    }
    clipped
}

fn is_safe(c: char) -> bool {
    // Controls, and the explicit bidirectional formatting characters of Unicode (UAX #9, section 2).
    !c.is_control()
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Fills up to `width` characters on the right.
pub(super) fn pad(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

/// `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.4ms`, `87ms`, `1.25s`, `2m05s`.
pub(crate) fn duration(duration: Duration) -> String {
    match duration.as_secs() {
        0 if duration.as_millis() < 10 => format!("{:.1}ms", duration.as_secs_f64() * 1e3),
        0 => format!("{}ms", duration.as_millis()),
        1..=59 => format!("{:.2}s", duration.as_secs_f64()),
        seconds => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

/// `$12.34`, `$0.0123`, `$0.000123`, `$1.2e-7`.
pub(crate) fn dollars(usd: f64) -> String {
    match usd {
        0.0 => "$0".to_owned(),
        1.0.. => format!("${usd:.2}"),
        0.01.. => format!("${usd:.4}"),
        0.000_01.. => format!("${usd:.6}"),
        _ => format!("${usd:.1e}"),
    }
}

/// The time of day in UTC, `12:34:56`.
pub(super) fn time_of_day(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `1 call`, `2 calls`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::dollars;

    #[test]
    fn money_is_as_exact_as_it_is_small() {
        for (usd, text) in [
            (0.0, "$0"),
            (12.345, "$12.35"),
            (0.012_34, "$0.0123"),
            (0.000_012_3, "$0.000012"),
            (1.8e-7, "$1.8e-7"),
        ] {
            assert_eq!(dollars(usd), text);
        }
    }
}
