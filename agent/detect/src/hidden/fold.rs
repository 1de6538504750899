//! Characters that stand for others, or for nothing (Unicode 16).

/// How a character is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    Keep,
    /// As nothing.
    Drop,
    To(char),
}

/// The zero of each script's decimal digits, whose others follow it.
const ZEROS: [char; 19] = [
    '\u{660}', '\u{6F0}', '\u{7C0}', '\u{966}', '\u{9E6}', '\u{A66}', '\u{AE6}', '\u{B66}', '\u{BE6}',
    '\u{C66}', '\u{CE6}', '\u{D66}', '\u{E50}', '\u{ED0}', '\u{F20}', '\u{1040}', '\u{17E0}', '\u{1810}',
    '\u{19D0}',
];

/// First bytes of the characters that are read as others: Latin, Greek, Cyrillic and Hebrew letters, ideographs and
/// Hangul begin with others.
pub(super) static FOLDED: [bool; 256] = {
    let mut folded = [false; 256];
    let mut byte = 0;
    while byte < folded.len() {
        if let Some((_, [place, ..])) = folded.split_at_mut_checked(byte) {
            *place =
                matches!(byte, 0xC2 | 0xCD | 0xD8 | 0xD9 | 0xDB | 0xDF | 0xE0..=0xE3 | 0xEF | 0xF0 | 0xF3);
        }
        byte += 1;
    }
    folded
};

/// How this character is read.
pub(super) fn fold(char: char) -> Fold {
    let number = u32::from(char);
    // `base` and what is `offset` behind it are ASCII.
    let ascii = |base: u8, offset: u32| {
        u8::try_from(u32::from(base) + offset).map_or(Fold::Keep, |byte| Fold::To(byte.into()))
    };
    match char {
        // Soft hyphen, joiners, marks of direction, variation selectors, the byte order mark.
        '\u{AD}'
        | '\u{34F}'
        | '\u{61C}'
        | '\u{115F}'
        | '\u{180B}'..='\u{180E}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}'
        | '\u{E0001}'
        | '\u{E007F}'
        | '\u{E0100}'..='\u{E01EF}' => Fold::Drop,
        // Tags, which are seen by models and not by people.
        '\u{E0020}'..='\u{E007E}' => ascii(b' ', number - 0xE_0020),
        // Full width.
        '\u{FF01}'..='\u{FF5E}' => ascii(b'!', number - 0xFF01),
        '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => {
            Fold::To(' ')
        }
        '\u{2028}' | '\u{2029}' | '\u{85}' => Fold::To('\n'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' => Fold::To('-'),
        '\u{FE52}' | '\u{2024}' => Fold::To('.'),
        '\u{FE6B}' => Fold::To('@'),
        '\u{24B6}'..='\u{24CF}' => ascii(b'A', number - 0x24B6),
        '\u{24D0}'..='\u{24E9}' => ascii(b'a', number - 0x24D0),
        // Mathematical letters: thirteen alphabets, capitals first.
        '\u{1D400}'..='\u{1D6A3}' => match (number - 0x1_D400) % 52 {
            capital @ 0..26 => ascii(b'A', capital),
            small => ascii(b'a', small - 26),
        },
        '\u{1D7CE}'..='\u{1D7FF}' => ascii(b'0', (number - 0x1_D7CE) % 10),
        '\u{660}'..='\u{19D9}' => ZEROS
            .iter()
            .find_map(|zero| number.checked_sub(u32::from(*zero)).filter(|digit| *digit < 10))
            .map_or(Fold::Keep, |digit| ascii(b'0', digit)),
        _ => Fold::Keep,
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn characters_are_folded() {
        for (char, expected) in [
            ('a', Fold::Keep),
            ('é', Fold::Keep),
            ('中', Fold::Keep),
            ('ж', Fold::Keep),
            ('９', Fold::To('9')),
            ('＠', Fold::To('@')),
            ('ｚ', Fold::To('z')),
            ('٣', Fold::To('3')),
            ('۴', Fold::To('4')),
            ('५', Fold::To('5')),
            ('𝐀', Fold::To('A')),
            ('𝒛', Fold::To('z')),
            ('𝟡', Fold::To('9')),
            ('\u{A0}', Fold::To(' ')),
            ('\u{2011}', Fold::To('-')),
            ('\u{200D}', Fold::Drop),
            ('\u{AD}', Fold::Drop),
            ('\u{E0041}', Fold::To('A')),
        ] {
            assert_eq!(fold(char), expected, "{char:?}");
        }
    }

    #[test]
    fn first_bytes_of_all_that_is_folded_are_told() {
        for char in ('\u{80}'..=char::MAX).filter(|char| fold(*char) != Fold::Keep) {
            let first = char.encode_utf8(&mut [0; 4]).bytes().next();
            assert!(first.is_some_and(|first| FOLDED[usize::from(first)]), "{char:?}");
        }
    }
}
