#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "tests")]

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::super::site::Class;
use super::super::tests::opened;
use super::*;

/// Where the code of a made file is, in the file and in memory.
const OFFSET: usize = 0x1000;
const ADDRESS: u64 = 0x40_1000;

/// A file of one segment of code, which is all but empty up to `OFFSET`; `machine` as in elf(5).
pub(super) fn file(machine: u16, code: &[u8], further: &[[u64; 4]]) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(16, &3_u16.to_le_bytes());
    put(18, &machine.to_le_bytes());
    put(20, &1_u32.to_le_bytes());
    put(32, &64_u64.to_le_bytes());
    put(54, &56_u16.to_le_bytes());
    put(56, &u16::try_from(1 + further.len()).unwrap().to_le_bytes());
    let code_segment = [1 | (5 << 32), OFFSET as u64, ADDRESS, code.len() as u64];
    for [kind, offset, address, size] in std::iter::once(&code_segment).chain(further) {
        for word in [kind, offset, address, address, size, size, &0x1000] {
            bytes.extend(word.to_le_bytes());
        }
    }
    bytes.resize(OFFSET, 0);
    bytes.extend(code);
    bytes
}

const X86: u16 = 62;
const ARM: u16 = 183;

fn found(machine: u16, code: &[u8]) -> Option<TlsCode> {
    find(&Image::open(opened(&file(machine, code, &[]))).unwrap()).unwrap()
}

/// Role, distance from the code's begin and class of each site; and how many places were not understood.
fn summary(code: Option<TlsCode>) -> (Vec<(Role, u64, Class)>, usize) {
    let code = code.unwrap_or(TlsCode { stack: Stack::KeyExpansion, sites: Vec::new(), unknown: 0 });
    let site = |site: &Site| (site.role, site.offset - OFFSET as u64, site.class);
    (code.sites.iter().map(site).collect(), code.unknown)
}

/// `count` times `aeskeygenassist xmm1, xmm0, 1; call +0`.
fn assists(count: usize) -> Vec<u8> {
    [0x66, 0x0f, 0x3a, 0xdf, 0xc8, 1, 0xe8, 0, 0, 0, 0].repeat(count)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Fills up to the next multiple of 16 with this byte.
fn filled(mut code: Vec<u8>, with: u8) -> Vec<u8> {
    code.resize(code.len().next_multiple_of(16), with);
    code
}

/// OpenSSL's: `sub rsp,8; mov rax,-1; test rdi,rdi; je; test rdx,rdx; je; mov r10d,…; movups xmm0,[rdi];
/// xorps xmm4,xmm4; and r10d,[rip+…]; lea rax,[rdx+16]; cmp esi,256; je; cmp esi,192; je; cmp esi,128; jne;
/// mov esi,9; cmp r10d,…; je; movups [rdx],xmm0`.
const OPENSSL: &str = "4883ec08 48c7c0ffffffff 4885ff 0f8463040000 4885d2 0f845a040000 41ba00080010 0f1007 0f57e4 \
    442315e46a3a00 488d4210 81fe00010000 0f84b0020000 81fec0000000 0f8494010000 81fe80000000 0f8518040000 \
    be09000000 4181fa00000010 0f8486000000 0f1102";
/// BoringSSL's, of 192 bits or not: `sub rsp,8; movups xmm0,[rdi]; xorps xmm4,xmm4; lea rax,[rdx+16];
/// cmp esi,256; je; cmp esi,128; jne; mov esi,9`.
const BORINGSSL: &str =
    "4883ec08 0f1007 0f57e4 488d4210 81fe00010000 0f849c000000 81fe80000000 0f853a010000 be09000000";
/// Behind it in the twin: `movdqa xmm2,xmm0; movdqu [rdx],xmm0; jmp +2; nop; pshufb xmm0,xmm5; aesenclast
/// xmm0,xmm4; ret`.
const TWIN: &str = "660f6fd0 f30f7f02 eb02 6690 660f3800c5 660f38ddc4 c3";
/// Go's: `mov rcx,[rsp+16]; mov rax,[rsp+24]; mov rbx,[rsp+32]; mov rdx,[rsp+40]; movups xmm0,[rax];
/// movups [rbx],xmm0; add rbx,16; pxor xmm4,xmm4; cmp ecx,12; je; jb; movups xmm2,[rax+16]`, behind
/// `push rbp; mov rbp,rsp`.
const GO: &str = "488b4c2410 488b442418 488b5c2420 488b542428 0f1000 0f1103 4883c310 660fefe4 83f90c 0f84a5000000 \
    0f82fe000000 0f105010";
/// NSS's for one size: `movdqu xmm1,[rdi]; movdqu xmm3,[rdi+16]; movdqu [rsi],xmm1; movdqu [rsi+16],xmm3; lea
/// rsi,[rsi+32]; xor eax,eax`; the first and third of these only; the same of 192 bits: `movdqu xmm1,[rdi]; movq
/// xmm3,[rdi+16]; movdqu [rsi],xmm1; lea rsi,[rsi+24]`.
const NSS_256: &str = "f30f6f0f f30f6f5f10 f30f7f0e f30f7f5e10 488d7620 31c0";
const NSS_128: &str = "0f100f 0f110e 488d7610 31c0";
const NSS_192: &str = "f30f6f0f f30f7e5f10 f30f7f0e 488d7618";
const REGISTERS: Role = Role::Key(KeyCall::Registers);

fn before(prologue: &str, count: usize) -> Vec<u8> {
    [hex(prologue), assists(count), vec![0xc3]].concat()
}

#[test]
fn known_shapes_are_found_with_the_cheapest_site() {
    // As BoringSSL is moved to where it can be checked against tampering (FIPS 140): behind the loads `lea
    // rsp,[rsp-128]; pushfq; lea r10,[rip+…]; add r10,[r10]; popfq; lea rsp,[rsp+128]`.
    let moved = OPENSSL.replace("0f57e4", "0f57e4 488d642480 9c 4c8d1573830100 4d0312 9d 488da42480000000");
    let endbr = format!("f30f1efa{OPENSSL}");
    let pushed = format!("55 4889e5 {GO}");
    let unpushed = GO.replace("2410", "2408").replace("2418", "2410");
    let stack = Role::Key(KeyCall::GoStack);
    for (name, prologue, count, expected) in [
        ("OpenSSL", OPENSSL, 31, Some((REGISTERS, 14, Class::Emulated))),
        ("AWS-LC", &endbr, 31, Some((REGISTERS, 18, Class::Emulated))),
        ("BoringSSL's of FIPS 140", &moved, 31, Some((REGISTERS, 14, Class::Emulated))),
        ("BoringSSL", BORINGSSL, 31, Some((REGISTERS, 20, Class::Emulated))),
        ("ring", BORINGSSL, 23, Some((REGISTERS, 20, Class::Emulated))),
        ("Go", &pushed, 31, Some((stack, 0, Class::Emulated))),
        ("Go 1.19", &unpushed, 31, Some((stack, 0, Class::Stepped))),
        ("NSS, 256 bits", NSS_256, 7, Some((Role::Key(KeyCall::Sized256), 0, Class::Stepped))),
        ("NSS, 128 bits", NSS_128, 10, Some((Role::Key(KeyCall::Sized128), 0, Class::Stepped))),
        ("NSS, 192 bits, which TLS has not", NSS_192, 8, None),
        ("of one size, with too many rounds", NSS_256, 8, None),
        ("too few", OPENSSL, 19, None),
        // movdqu xmm0, [rsi]
        ("key elsewhere", "f30f6f06", 31, None),
        // mov esi, 0x100 before all else
        ("bits overwritten", &format!("be00010000{OPENSSL}"), 31, None),
        // mov rdi, rsi
        ("key overwritten", &format!("4889f7{OPENSSL}"), 31, None),
        // call +0
        ("a call before", &format!("e800000000{OPENSSL}"), 31, None),
        ("Go's with another frame", &format!("50 55 {GO}"), 31, None),
    ] {
        for fill in [0xcc, 0x90, 0xc3] {
            let function = before(prologue, count);
            let code = [vec![0xc3], vec![fill; 31], function.clone()].concat();
            let (sites, unknown) = summary(found(X86, &code));
            let expected: Vec<_> =
                expected.iter().map(|(role, at, class)| (*role, at + 32, *class)).collect();
            assert_eq!((sites, unknown), (expected.clone(), usize::from(expected.is_empty())), "{name}");
        }
    }
}

#[test]
fn a_twin_is_found_behind_its_base() {
    let twin = [hex(BORINGSSL), hex(TWIN)].concat();
    let code = [filled(before(BORINGSSL, 31), 0xcc), vec![0xcc; 160], twin.clone()].concat();
    let (sites, unknown) = summary(found(X86, &code));
    let second = (code.len() - twin.len()) as u64 + 20;
    assert_eq!(sites, [(REGISTERS, 20, Class::Emulated), (REGISTERS, second, Class::Emulated)]);
    assert_eq!(unknown, 0);
    // Alone it is like any code that encrypts.
    assert_eq!(found(X86, &twin), None);
}

#[test]
fn what_crosses_a_window_is_found_once() {
    for shift in (0..64).map(|step| 262_128 - 400 + 16 * step) {
        let code = [vec![0xcc; shift], before(OPENSSL, 31)].concat();
        let (sites, unknown) = summary(found(X86, &code));
        assert_eq!(sites, [(REGISTERS, shift as u64 + 14, Class::Emulated)]);
        assert_eq!(unknown, 0);
    }
}

/// `.eh_frame_hdr` and one description, `begin` bytes behind the code's begin and `length` bytes long.
fn frames(begin: u32, length: u32) -> Vec<u8> {
    // At this distance behind the code's begin, which is what addresses are counted from here.
    let section = 0x1_0000_i32;
    let relative = |to: i32, from: i32| (to - from).to_le_bytes();
    let begin = i32::try_from(begin).unwrap();
    let description = section + 32;
    [
        [1, 0x1b, 0x03, 0x3b],
        [0; 4],
        1_u32.to_le_bytes(),
        relative(begin, section),
        relative(description, section),
        [0; 4],
        [0; 4],
        [0; 4],
        20_u32.to_le_bytes(),
        [0; 4],
        relative(begin, description + 8),
        length.to_le_bytes(),
    ]
    .concat()
}

#[test]
fn frames_say_where_a_function_begins() {
    // Not at a multiple of 16, and behind what is no code.
    let mut code = [vec![0x06; 5], before(OPENSSL, 31)].concat();
    let length = u32::try_from(code.len()).unwrap();
    code.resize(0x1_0000, 0);
    for (begin, end, expected) in [(5, length, Some(19)), (43, length, None), (5, 20, None)] {
        let frames = frames(begin, end - begin);
        let (offset, address) = (OFFSET as u64 + 0x1_0000, ADDRESS + 0x1_0000);
        let size = frames.len() as u64;
        let load = [1 | (4 << 32), offset, address, size];
        let header = [0x6474_e550 | (4 << 32), offset, address, size];
        let mut bytes = file(X86, &code, &[load, header]);
        bytes.extend(frames);
        let sites = summary(find(&Image::open(opened(&bytes)).unwrap()).unwrap()).0;
        assert_eq!(sites.first().map(|site| site.1), expected, "{begin}..{end}");
    }
}

fn arm_code(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn arms_shapes_are_found() {
    // nop; stp x29,x30,[sp,#-16]!; mov x3,#-1; cmp x0,#0; cmp w1,#128; cmp w1,#256; ld1 {v3.16b},[x0],#16;
    // tbl v6.16b,{v3.16b},v2.16b; ext v5.16b,v0.16b,v3.16b,#12; aese v6.16b,v0.16b
    let openssl = [
        0xd503_201f,
        0xa9bf_7bfd,
        0x9280_0003,
        0xf100_001f,
        0x7102_003f,
        0x7104_003f,
        0x4cdf_7003,
        0x4e02_0066,
        0x6e03_6005,
        0x4e28_4806,
    ];
    let mut signed = openssl;
    signed[0] = 0xd503_233f;
    let mut vector = openssl;
    // aese v7.16b, v0.16b: of what was not rotated.
    vector[9] = 0x4e28_4807;
    let mut elsewhere = openssl;
    // ld1 {v3.16b}, [x1], #16
    elsewhere[6] = 0x4cdf_7023;
    // nop; ldr x8,[sp,#8]; ldr x9,[sp,#16]; ldr x10,[sp,#24]; tbl v2.16b,{v2.16b},v3.16b; aese v2.16b,v0.16b
    let go = [0xd503_201f, 0xf940_07e8, 0xf940_0be9, 0xf940_0fea, 0x4e03_0042, 0x4e28_4802];
    let stack = Role::Key(KeyCall::GoStack);
    for (name, code, expected) in [
        ("OpenSSL", openssl.as_slice(), (vec![(REGISTERS, 4, Class::Stepped)], 0)),
        ("signed", &signed, (vec![(REGISTERS, 0, Class::Stepped)], 0)),
        ("a round", &vector, (vec![], 0)),
        ("elsewhere", &elsewhere, (vec![], 1)),
        ("Go", &go, (vec![(stack, 4, Class::Stepped)], 0)),
    ] {
        assert_eq!(summary(found(ARM, &arm_code(code))), expected, "{name}");
    }
}

/// This machine's own libraries, where they are.
#[test]
fn this_machines_libraries_are_understood() {
    let folder = Path::new("/usr/lib/x86_64-linux-gnu");
    for name in ["libcrypto.so.3", "libcrypto.so.1.1", "libgnutls.so.30"] {
        let Ok(file) = File::open(folder.join(name)) else { continue };
        let code = find(&Image::open(file).unwrap()).unwrap().unwrap();
        let roles: Vec<_> = code.sites.iter().map(|site| (site.role, site.class)).collect();
        assert_eq!(roles, [(REGISTERS, Class::Emulated)], "{name}");
    }
    let Ok(file) = File::open(folder.join("libfreeblpriv3.so")) else { return };
    let code = find(&Image::open(file).unwrap()).unwrap().unwrap();
    let roles: Vec<_> = code.sites.iter().map(|site| site.role).collect();
    assert_eq!(roles, [Role::Key(KeyCall::Sized128), Role::Key(KeyCall::Sized256)], "NSS");
}

/// Pieces of functions that expand keys, and anything.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known =
        [OPENSSL, BORINGSSL, GO, TWIN, NSS_128, NSS_256, "f30f1efa", "554889e5", "c3", "eb02", "e9", "488d"]
            .map(hex);
    let arm = arm_code(&[0xa9bf_7bfd, 0x7102_003f, 0x7104_003f, 0x4cdf_7003, 0x4e02_0066, 0x4e28_4806]);
    prop_oneof![
        4 => prop::sample::select(known.into_iter().chain([arm]).collect::<Vec<_>>()),
        3 => (0..40_usize).prop_map(assists),
        2 => (prop::sample::select(vec![0xcc_u8, 0x90, 0xc3, 0]), 1..48_usize).prop_map(|(byte, count)| vec![byte; count]),
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}

/// Where a header may say that something is.
fn place() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..0x2000_u64,
        2 => (0..0x1000_u64).prop_map(|at| ADDRESS + at),
        1 => (0..64_u64).prop_map(|back| u64::MAX - back),
        1 => any::<u64>(),
    ]
}

/// A file of such pieces, a few bytes of which are changed, behind headers that say anything.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let kinds = vec![1 | (5 << 32), 1 | (4 << 32), 0x6474_e550 | (4 << 32)];
    let header = [prop::sample::select(kinds).boxed(), place().boxed(), place().boxed(), place().boxed()];
    let frames = (0..0x2000_u32, any::<u32>()).prop_map(|(begin, length)| frames(begin, length));
    (
        prop::sample::select(vec![X86, X86, ARM]),
        prop::collection::vec(piece(), 0..24),
        prop::collection::vec(header, 0..4),
        prop::option::of(frames),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    )
        .prop_map(|(machine, pieces, headers, frames, changes)| {
            let mut code = pieces.concat();
            code.extend(frames.into_iter().flatten());
            let mut bytes = file(machine, &code, &headers);
            for (at, value) in changes {
                // The headers, too.
                let at = at.index(bytes.len() * 2) % bytes.len();
                bytes[at] = value;
            }
            bytes
        })
}

/// Whatever is found lies in the file, and is no more than there is room for.
fn check(bytes: &[u8]) {
    let handle = rustix::fs::memfd_create("hostile", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let mut file = File::from(handle);
    std::io::Write::write_all(&mut file, bytes).unwrap();
    let Ok(image) = Image::open(file) else { return };
    let Ok(Some(code)) = find(&image) else { return };
    assert!(code.sites.len() <= 2 * CLUSTERS && code.unknown <= CLUSTERS);
    for site in code.sites {
        assert!(site.offset < bytes.len() as u64, "{site:?}");
        assert!(matches!(site.role, Role::Key(_)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_hostile_file_is_searched_or_refused(bytes in hostile()) {
        check(&bytes);
    }
}

#[test]
#[ignore = "goes on for as many seconds as SPANWIRE_FUZZ_SECONDS says"]
fn hostile_files_without_end() {
    let seconds = std::env::var("SPANWIRE_FUZZ_SECONDS").unwrap().parse().unwrap();
    let (began, mut runs) = (Instant::now(), 0_u64);
    while began.elapsed() < std::time::Duration::from_secs(seconds) {
        let config = ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() };
        TestRunner::new(config)
            .run(&hostile(), |bytes| {
                check(&bytes);
                Ok(())
            })
            .unwrap();
        runs += 4096;
    }
    println!("{runs} files");
}

/// A terabyte that takes no room, claimed as code by 256 headers.
#[test]
fn of_a_sparse_file_a_part_is_searched() {
    let terabyte = 1 << 40;
    let headers = [[1 | (5 << 32), 0, ADDRESS, terabyte]; 255];
    let bytes = [file(X86, &[], &headers), vec![0; 0x1000]].concat();
    let sparse = opened(&bytes);
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&sparse));
    File::options().write(true).open(path).unwrap().set_len(terabyte).unwrap();
    assert_eq!(find(&Image::open(sparse).unwrap()).unwrap(), None);
}

#[test]
fn of_code_that_is_all_matches_some_are_looked_at() {
    let mut found = 0;
    key_assists(&[0x66, 0x0f, 0x3a, 0xdf].repeat(2 * MATCHES), |_| {
        found += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(found, MATCHES);
}

#[test]
fn more_clusters_than_are_kept_are_left() {
    let code: Vec<u8> = (0..2 * CLUSTERS).flat_map(|_| [assists(3), vec![0xcc; 500]].concat()).collect();
    assert_eq!(summary(found(X86, &code)), (vec![], CLUSTERS));
}

#[test]
#[ignore = "prints what the files hold that SPANWIRE_AES_FILES names, separated by colons"]
fn files_by_name() {
    for path in std::env::var("SPANWIRE_AES_FILES").unwrap().split(':') {
        let image = Image::open(File::open(path).unwrap()).unwrap();
        let began = Instant::now();
        let code = find(&image).unwrap();
        println!("{path}: {:?}", began.elapsed());
        for cluster in clusters(&image).unwrap() {
            println!("   {cluster:x?}");
        }
        for site in code.iter().flat_map(|code| &code.sites) {
            println!("   {:?} at {:#x}, {}", site.role, site.offset, site.class.name());
        }
    }
}
