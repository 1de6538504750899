//! Keys: of the hashes that findings are replaced by, and of the audit's seals.

use std::fmt::{self, Write as _};
use std::fs::OpenOptions;
use std::io::{Read, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

/// Bytes of a key: at least what HMAC-SHA-256 can use of one (RFC 2104, section 3), at most what nobody needs.
const KEY_MIN_BYTES: usize = 32;
const KEY_MAX_BYTES: usize = 4096;
/// Different bytes in a key. 32 that are drawn by chance have fewer once in 10^15 times.
const DIFFERENT_BYTES_MIN: usize = 16;

/// The bytes of a key, which are wiped when the last that has them lets go.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyBytes(Arc<Zeroizing<Vec<u8>>>);

impl KeyBytes {
    /// At least 32 bytes.
    #[must_use]
    pub fn get(&self) -> &[u8] {
        &self.0
    }

    /// Draws a key by chance.
    ///
    /// # Errors
    /// If the kernel has no randomness to give.
    pub fn draw() -> std::io::Result<Self> {
        let mut bytes = Zeroizing::new(vec![0; KEY_MIN_BYTES]);
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty())?;
        }
        Ok(Self(Arc::new(bytes)))
    }

    /// Reads a key: bytes, or hexadecimal digits with white space round them.
    ///
    /// # Errors
    /// What is wrong with the file, for the operator.
    pub fn read(path: &Path) -> Result<Self, String> {
        let own = rustix::process::geteuid().as_raw();
        Self::read_as(path, own).map_err(|message| format!("the key file {} {message}", path.display()))
    }

    /// Reads a key; where there is no file, draws one and writes it, for its owner alone.
    ///
    /// # Errors
    /// As [`KeyBytes::read`], or why there can be none.
    pub fn read_or_draw(path: &Path) -> Result<Self, String> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(mut file) => {
                let cannot = |error| format!("the key file {} cannot be written: {error}", path.display());
                let key = Self::draw().map_err(cannot)?;
                let mut text = Zeroizing::new(String::with_capacity(2 * KEY_MIN_BYTES + 1));
                for byte in key.get() {
                    // Writing to a string does not fail.
                    let _ = write!(text, "{byte:02x}");
                }
                text.push('\n');
                let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
                if let Err(error) = written {
                    // Half a key would be refused at the next start.
                    let _ = std::fs::remove_file(path);
                    return Err(cannot(error));
                }
                Ok(key)
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Self::read(path),
            Err(error) => Err(format!("the key file {} cannot be made: {error}", path.display())),
        }
    }

    /// For an agent that runs as this user.
    fn read_as(path: &Path, own: u32) -> Result<Self, String> {
        let cannot = |error: std::io::Error| format!("cannot be read: {error}");
        // Without waiting for what may be no file.
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(cannot)?;
        let metadata = file.metadata().map_err(cannot)?;
        if !metadata.is_file() {
            return Err("is no file".to_owned());
        }
        if ![0, own].contains(&metadata.uid()) {
            let owner = metadata.uid();
            return Err(format!(
                "belongs to user {owner}, who could change it; it must be root's: chown root"
            ));
        }
        let mode = metadata.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(format!("is open to others than its owner (mode {mode:04o}): chmod 0600"));
        }
        // Nothing is moved as it fills, so that no copy stays behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_MAX_BYTES + 1));
        let most = u64::try_from(KEY_MAX_BYTES + 1).unwrap_or(u64::MAX);
        let mut buffer = Zeroizing::new([0; 512]);
        let mut file = file.take(most);
        loop {
            let count = file.read(buffer.as_mut_slice()).map_err(cannot)?;
            match buffer.get(..count) {
                Some(read) if !read.is_empty() => bytes.extend_from_slice(read),
                _ => break,
            }
        }
        let mut key = from_hex(&bytes).unwrap_or(bytes);
        if key.len() > KEY_MAX_BYTES {
            return Err(format!("has more than {KEY_MAX_BYTES} bytes"));
        }
        let mut different = [false; 256];
        key.iter().for_each(|byte| {
            if let Some(seen) = different.get_mut(usize::from(*byte)) {
                *seen = true;
            }
        });
        let different = different.iter().filter(|seen| **seen).count();
        if key.len() < KEY_MIN_BYTES || different < DIFFERENT_BYTES_MIN {
            let length = key.len();
            key.zeroize();
            return Err(format!(
                "has {length} bytes, {different} of them different; {KEY_MIN_BYTES} drawn by chance are needed, as by: \
                 head -c 32 /dev/urandom"
            ));
        }
        Ok(Self(Arc::new(key)))
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyBytes")
    }
}

/// The bytes that hexadecimal digits stand for; `None` where it is something else.
fn from_hex(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim_ascii();
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_MAX_BYTES));
    for pair in text.chunks(2) {
        let [high, low] = pair else { return None };
        bytes.push(digit(high)? << 4 | digit(low)?);
    }
    Some(bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A file of its own for a test, which is gone with it.
    fn with_file<T>(name: &str, bytes: &[u8], mode: u32, then: impl FnOnce(&Path) -> T) -> T {
        let path = std::env::temp_dir().join(format!("spanwire-key-{}-{name}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let result = then(&path);
        fs::remove_file(&path).unwrap();
        result
    }

    #[test]
    fn a_key_is_bytes_or_digits() {
        let raw: Vec<u8> = (100..132).collect();
        let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
        for (name, bytes) in [("raw", raw.clone()), ("hex", format!("{hex}\n").into_bytes())] {
            let key = with_file(name, &bytes, 0o600, KeyBytes::read).unwrap();
            assert_eq!(key.get(), raw);
            assert_eq!(format!("{key:?}"), "KeyBytes");
        }
        let raw: Vec<u8> = (0..=255).chain(b" \n".iter().copied()).collect();
        assert_eq!(with_file("binary", &raw, 0o400, KeyBytes::read).unwrap().get(), raw);
    }

    #[test]
    fn a_key_is_drawn_once() {
        let path = std::env::temp_dir().join(format!("spanwire-key-{}-drawn", std::process::id()));
        let _ = fs::remove_file(&path);
        let drawn = KeyBytes::read_or_draw(&path).unwrap();
        assert!(drawn == KeyBytes::read_or_draw(&path).unwrap() && drawn == KeyBytes::read(&path).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(&path).unwrap();
        assert!(drawn != KeyBytes::read_or_draw(&path).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(KeyBytes::read_or_draw(&path.join("x")).unwrap_err().contains("cannot be made"));
    }

    #[test]
    fn an_unfit_file_is_refused() {
        let good: Vec<u8> = (100..132).collect();
        for (name, bytes, mode, message) in [
            ("all", good.clone(), 0o644, "is open to others than its owner (mode 0644): chmod 0600"),
            ("group", good.clone(), 0o640, "mode 0640"),
            ("short", good.get(..31).unwrap().to_vec(), 0o600, "has 31 bytes"),
            ("short-hex", b"0123456789abcdef0123456789abcdef".to_vec(), 0o600, "has 16 bytes"),
            ("dull", vec![b'x'; 64], 0o600, "has 64 bytes, 1 of them different"),
            ("empty", Vec::new(), 0o600, "has 0 bytes"),
            ("long", good.repeat(200), 0o600, "more than 4096 bytes"),
        ] {
            let error = with_file(name, &bytes, mode, KeyBytes::read).unwrap_err();
            assert!(error.starts_with("the key file /") && error.contains(message), "{error}");
        }
        let error = with_file("missing", &good, 0o600, |path| KeyBytes::read(&path.join("x"))).unwrap_err();
        assert!(error.contains("cannot be read"), "{error}");
        assert!(KeyBytes::read(Path::new("/dev/null")).unwrap_err().contains("is no file"));
    }

    #[test]
    fn another_users_file_is_refused() {
        let good: Vec<u8> = (100..132).collect();
        with_file("other", &good, 0o600, |path| {
            if std::os::unix::fs::chown(path, Some(4_000_000), None).is_ok() {
                assert!(KeyBytes::read(path).unwrap_err().contains("belongs to user 4000000"));
                KeyBytes::read_as(path, 4_000_000).unwrap();
            }
        });
    }
}
