#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

/// `struct inner { int a; }; typedef struct inner alias; struct outer { int x; union { alias y; int
/// z; }; int bits:3; }`
fn sample() -> Vec<u8> {
    let strings = b"\0inner\0a\0alias\0outer\0x\0y\0z\0bits\0call\0";
    let at = |name: &str| {
        let name = format!("\0{name}\0");
        u32::try_from(strings.windows(name.len()).position(|found| found == name.as_bytes()).unwrap())
            .unwrap()
            + 1
    };
    let mut types: Vec<u32> = Vec::new();
    types.extend([0, 1 << 24, 4, 32]); // 1: int
    types.extend([at("inner"), STRUCT << 24 | 1, 4, at("a"), 1, 0]); // 2
    types.extend([at("alias"), 8 << 24, 2]); // 3
    types.extend([0, UNION << 24 | 2, 4, at("y"), 3, 0, at("z"), 1, 0]); // 4
    types.extend([at("outer"), 1 << 31 | STRUCT << 24 | 3, 12]); // 5
    types.extend([at("x"), 1, 0, 0, 4, 32, at("bits"), 1, 3 << 24 | 64]);
    types.extend([0, PROTOTYPE << 24 | 2, 1, 0, 1, 0, 1]); // 6: int (int, int)
    types.extend([at("call"), FUNCTION << 24, 6]); // 7
    let length = u32::try_from(types.len() * 4).unwrap();
    let header = [u32::from(MAGIC) | 1 << 16, 24, 0, length, length, u32::try_from(strings.len()).unwrap()];
    let mut bytes: Vec<u8> = header.iter().chain(&types).flat_map(|word| word.to_ne_bytes()).collect();
    bytes.extend(strings);
    bytes
}

#[test]
fn fields_are_found_through_aliases_and_anonymous_members() {
    let btf = Btf::parse(sample(), &["inner", "outer"]).unwrap();
    for (path, expected) in [
        ("inner.a", Some(0)),
        ("outer.x", Some(0)),
        ("outer.y", Some(4)),
        ("outer.z", Some(4)),
        ("outer.y.a", Some(4)),
        ("outer.bits", None),
        ("outer.x.a", None),
        ("outer.nothing", None),
        ("nothing.x", None),
    ] {
        assert_eq!(btf.offset(path), expected, "{path}");
    }
}

#[test]
fn functions_and_sizes() {
    let btf = Btf::parse(sample(), &["outer", "call"]).unwrap();
    assert_eq!((btf.arguments("call"), btf.size("outer")), (Some(2), Some(12)));
    assert_eq!((btf.arguments("outer"), btf.size("call")), (None, None));
    assert!(btf.has_function("call") && !btf.has_function("outer"));
    let btf = Btf::parse(sample(), &["alias", "call"]).unwrap();
    assert!(btf.has_alias("alias") && !btf.has_alias("call"));
}

#[test]
fn the_running_kernel_has_what_the_probes_need() {
    let btf = Btf::of_kernel(&["sock"]).unwrap();
    assert!(btf.offset("sock.__sk_common.skc_family").is_some_and(|offset| offset < 64));
    assert!(btf.offset("sock.sk_type").is_some_and(|offset| offset > 64));
}

proptest! {
    #[test]
    fn broken_input_is_refused_or_read(cut in 0..400_usize, flips in prop::collection::vec((0..400_usize, any::<u8>()), 0..4)) {
        let mut bytes = sample();
        for (at, value) in flips {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        bytes.truncate(cut);
        if let Ok(btf) = Btf::parse(bytes, &["inner", "outer"]) {
            let _ = btf.offset("outer.y.a");
        }
    }
}
