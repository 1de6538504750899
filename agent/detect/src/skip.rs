//! Passes over bytes that are nothing's sign, many at a time.

/// Bytes that are told at a time.
const BLOCK: usize = 16;

/// Where the first byte of a class is, from `at` on. A class that is told by comparisons put together by `|`, without
/// branches, is told of a whole block by a few instructions of the processor's.
#[inline]
pub(crate) fn find(bytes: &[u8], at: usize, is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let (blocks, last) = bytes.get(at..)?.as_chunks::<BLOCK>();
    let mut begin = at;
    for block in blocks {
        if block.iter().fold(0, |any, byte| any | u8::from(is_wanted(*byte))) != 0 {
            return block.iter().position(|byte| is_wanted(*byte)).map(|offset| begin + offset);
        }
        begin += BLOCK;
    }
    last.iter().position(|byte| is_wanted(*byte)).map(|offset| begin + offset)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_found_is_the_first(text in "[ab]{0,70}", at in 0_usize..80) {
            let bytes = text.as_bytes();
            let expected = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'b'));
            prop_assert_eq!(find(bytes, at, |byte| byte == b'b'), expected.map(|offset| at + offset));
        }
    }
}
