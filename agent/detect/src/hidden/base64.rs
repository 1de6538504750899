//! Runs of base64 and base64url (RFC 4648): those that are text are read, those that are images and the like are
//! told apart, so that nothing is looked for in them.

use std::ops::Range;

/// Characters of a run at least: nine bytes of text.
const MIN: usize = 12;
/// Bytes of text at the beginning of a run that is something else further on.
const TEXT_MIN: usize = 9;
/// Characters of a run at least that is told to be no text.
const BINARY_MIN: usize = 64;
/// Characters of a line at least, behind which a run goes on in the next: PEM has 64, MIME 76.
const LINE_MIN: usize = 60;

/// How images, sound, films and archives begin: PNG, JPEG, GIF, RIFF (WebP, WAV), PDF, ID3, Ogg, ZIP, gzip, ISO media
/// (MP4, HEIC), Matroska, MP3, TIFF.
const BINARY: &[&[u8]] = &[
    b"iVBORw0KGgo",
    b"/9j/",
    b"R0lGOD",
    b"UklGR",
    b"JVBERi0",
    b"SUQz",
    b"T2dnUw",
    b"UEsDB",
    b"H4sI",
    b"AAAA",
    b"GkXf",
    b"//uQ",
    b"//vQ",
    b"SUkq",
    b"TU0A",
];

/// What a run is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// Text, all of it or its beginning.
    Text(String),
    /// The content of a data URL, or of a known kind, that is not text.
    Binary,
}

/// Calls `each` with every run that is one or the other, in no order; runs can overlap. Only those are decoded that
/// are `wanted`.
pub(crate) fn runs(
    text: &str,
    wanted: impl Fn(&Range<usize>) -> bool,
    mut each: impl FnMut(Range<usize>, Run),
) {
    let bytes = text.as_bytes();
    // A run is of one alphabet: `/` and `+` end one of base64url, `-` and `_` one of base64.
    for alphabet in [Alphabet::Standard, Alphabet::Url] {
        let mut at = 0;
        while let Some(range) = next(bytes, at, alphabet) {
            at = range.end;
            let run = bytes.get(range.clone()).unwrap_or_default();
            let is_own = alphabet == Alphabet::Standard || !is_standard(bytes, &range);
            if is_own
                && wanted(&range)
                && let Some(what) = read(run, is_data_url(bytes, range.start))
            {
                each(range, what);
            }
        }
    }
}

/// The alphabets of sections 4 and 5.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    Standard = 1,
    Url = 2,
}

/// In which alphabets a byte is: 1 in the standard one, 2 in that of URLs.
static MEMBERS: [u8; 256] = members();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn members() -> [u8; 256] {
    let mut members = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        members[byte as usize] = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => 3,
            b'+' | b'/' => 1,
            b'-' | b'_' => 2,
            _ => 0,
        };
        byte += 1;
    }
    members
}

fn is_in(byte: Option<&u8>, alphabet: Alphabet) -> bool {
    let members = byte.and_then(|byte| MEMBERS.get(usize::from(*byte))).copied().unwrap_or(0);
    members & alphabet as u8 != 0
}

/// Whether it is also a run of the standard alphabet, with nothing more at either end.
fn is_standard(bytes: &[u8], range: &Range<usize>) -> bool {
    let alphabet = Alphabet::Standard;
    let run = bytes.get(range.clone()).unwrap_or_default();
    let before = range.start.checked_sub(1).and_then(|before| bytes.get(before));
    run.iter().all(|byte| byte.is_ascii_whitespace() || *byte == b'=' || is_in(Some(byte), alphabet))
        && !is_in(before, alphabet)
        && !is_in(bytes.get(range.end), alphabet)
}

/// The next run from `at` on, with its padding. Words are shorter, so most bytes are not looked at.
fn next(bytes: &[u8], mut at: usize, alphabet: Alphabet) -> Option<Range<usize>> {
    loop {
        let window = bytes.get(at..at + MIN)?;
        if let Some(last) = window.iter().rposition(|byte| !is_in(Some(byte), alphabet)) {
            at += last + 1;
            continue;
        }
        let line = |from: usize| {
            let rest = bytes.get(from..).unwrap_or_default();
            rest.iter().position(|byte| !is_in(Some(byte), alphabet)).unwrap_or(rest.len())
        };
        // What was skipped ends before `at`.
        let begin = at;
        let mut length = line(at);
        at += length;
        while length >= LINE_MIN && length.is_multiple_of(4) {
            let broken = match bytes.get(at..)? {
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] => 2,
                _ => break,
            };
            length = line(at + broken);
            if length == 0 {
                break;
            }
            at += broken + length;
        }
        let padding = bytes.get(at..)?.iter().take(2).take_while(|byte| **byte == b'=').count();
        return Some(begin..at + padding);
    }
}

fn is_data_url(bytes: &[u8], begin: usize) -> bool {
    bytes.get(..begin).is_some_and(|before| before.ends_with(b";base64,"))
}

/// What a run is; `None` when it is nothing that is known.
fn read(run: &[u8], is_data_url: bool) -> Option<Run> {
    let mut decoded = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    let mut is_whole = true;
    for byte in run {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count < 8 {
            continue;
        }
        count -= 8;
        let [.., byte] = (bits >> count).to_be_bytes();
        bits &= (1 << count) - 1;
        // Text has no controls but these, and no byte that UTF-8 has not. The first bytes tell most.
        if (byte < b' ' && !b"\t\n\r\x1B".contains(&byte)) || matches!(byte, 0x7F | 0xC0 | 0xC1 | 0xF5..) {
            is_whole = false;
            break;
        }
        if decoded.len() == 4
            && matches!(std::str::from_utf8(&decoded), Err(error) if error.error_len().is_some())
        {
            is_whole = false;
            break;
        }
        decoded.push(byte);
    }
    let valid = match std::str::from_utf8(&decoded) {
        Ok(_) => decoded.len(),
        Err(error) => {
            // A run that was cut may end within a character.
            is_whole &= error.error_len().is_none();
            error.valid_up_to()
        }
    };
    decoded.truncate(valid);
    if valid >= TEXT_MIN || (is_whole && valid > 0) {
        return String::from_utf8(decoded).ok().map(Run::Text);
    }
    let is_binary = is_data_url || BINARY.iter().any(|magic| run.starts_with(magic));
    (is_binary && run.len() >= BINARY_MIN).then_some(Run::Binary)
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, Run)> {
        let mut found = Vec::new();
        runs(text, |_| true, |range, run| found.push((text[range].to_owned(), run)));
        found
    }

    #[test]
    fn runs_that_are_text_are_read() {
        let text = |read: &str| Run::Text(read.to_owned());
        for (said, run, expected) in [
            ("see Ym9iQGV4YW1wbGUuY29t.", "Ym9iQGV4YW1wbGUuY29t", "bob@example.com"),
            ("Ym9iQGV4YW1wbGUuY29tIA==", "Ym9iQGV4YW1wbGUuY29tIA==", "bob@example.com "),
            ("x Ym9iQGV4YW1wbGUuY29tIA", "Ym9iQGV4YW1wbGUuY29tIA", "bob@example.com "),
            // A name or a folder before it.
            ("key-Ym9iQGV4YW1wbGUuY29t", "Ym9iQGV4YW1wbGUuY29t", "bob@example.com"),
            ("/path/Ym9iQGV4YW1wbGUuY29t", "Ym9iQGV4YW1wbGUuY29t", "bob@example.com"),
            ("Ym9iQGV4YW1wbGUuY29tID8_Pz8-", "Ym9iQGV4YW1wbGUuY29tID8_Pz8-", "bob@example.com ????>"),
            // Cut within a character.
            ("Ym9iIGlzdCBtw7w", "Ym9iIGlzdCBtw7w", "bob ist mü"),
            ("Ym9iIGlzdCBtww", "Ym9iIGlzdCBtww", "bob ist m"),
        ] {
            assert!(found(said).contains(&(run.to_owned(), text(expected))), "{said}: {:?}", found(said));
        }
    }

    #[test]
    fn lines_are_put_together() {
        let line = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh";
        let text = format!("{line}\r\n{line}\nYm9i\n\nYm9iYm9iYm9iYm9i");
        let expected = "a".repeat(114) + "bob";
        let found = found(&text);
        assert_eq!(found[0].1, Run::Text(expected));
        assert_eq!(found[1].1, Run::Text("bobbobbobbob".to_owned()));
    }

    #[test]
    fn what_is_no_text_is_left_or_told() {
        let image = format!("iVBORw0KGgo{}", "AAAANSUhEUgAA".repeat(8));
        let other = format!("gIGCg4SFhoeI{}", "iYqLjI2Oj5CR".repeat(8));
        assert_eq!(found(&image), [(image.clone(), Run::Binary)]);
        assert_eq!(found(&other), []);
        let url = format!("data:application/x;base64,{other}");
        assert_eq!(found(&url), [(other, Run::Binary)]);
        for words in [
            "internationalization electroencephalography",
            "d41d8cd98f00b204e9800998ecf8427e",
            "550e8400-e29b-41d4-a716-446655440000",
            "src/components/authentication/index",
            "",
        ] {
            assert_eq!(found(words), [], "{words}");
        }
    }

    #[test]
    fn text_that_claims_to_be_an_image_is_text() {
        let url = "data:image/png;base64,Ym9iQGV4YW1wbGUuY29tYm9iQGV4YW1wbGUuY29tYm9iQGV4YW1wbGUuY29tYm9iQGV4YW1wbGUuY29t";
        assert!(matches!(&found(url)[..], [(_, Run::Text(text))] if text.starts_with("bob@")));
    }
}
