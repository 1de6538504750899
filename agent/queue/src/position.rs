//! How far the queue is delivered, as a file says that survives any torn write.

use std::io;

use crate::segment::NUMBER_LIMIT;
use crate::storage::{read_full, write_all};
use crate::{Error, Storage};

const NAME: &str = "position";
const MAGIC: &[u8; 8] = b"spanwirP";
const SLOT_BYTES: usize = 20;
/// Apart by a block, so that no sector holds both.
const SLOTS: [u64; 2] = [0, 4096];
/// Room that the file takes once both slots are written.
pub(crate) const FILE_BYTES: u64 = 2 * 4096;

/// The file, and what is known to be durable in it.
pub(crate) struct Position<F> {
    file: Option<F>,
    /// Whether the file's name is durable.
    is_named: bool,
    durable: Option<u64>,
    /// The place that is written next: never that of the number that counts now. A write that failed goes to the
    /// same place again.
    next_slot: u64,
}

impl<F> Position<F> {
    /// Opens the file and reads it, if there is one.
    ///
    /// # Errors
    /// If it cannot be read: to go on without it would give numbers to new records that it may say are delivered.
    pub(crate) fn load<S: Storage<File = F>>(storage: &S) -> Result<Self, Error> {
        let cannot = |source| Error::Unreadable { name: NAME.to_owned(), source };
        let mut position = Self { file: None, is_named: false, durable: None, next_slot: SLOTS[0] };
        let file = match storage.open(NAME) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(position),
            file => file.map_err(cannot)?,
        };
        for (slot, other) in [(SLOTS[0], SLOTS[1]), (SLOTS[1], SLOTS[0])] {
            let mut bytes = [0; SLOT_BYTES];
            let count = read_full(storage, &file, slot, &mut bytes).map_err(cannot)?;
            let number = bytes.get(..count).and_then(decode);
            if number.is_some() && number > position.durable {
                (position.durable, position.next_slot) = (number, other);
            }
        }
        position.file = Some(file);
        Ok(position)
    }

    /// What is known to be stored; `None` before anything is.
    pub(crate) fn durable(&self) -> Option<u64> {
        self.durable
    }

    /// Stores a number, not below the one before, unless that is done already.
    pub(crate) fn store<S: Storage<File = F>>(&mut self, storage: &S, number: u64) -> io::Result<()> {
        if self.durable == Some(number) && self.is_named {
            return Ok(());
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => storage.create(NAME)?,
        };
        let file = self.file.insert(file);
        write_all(storage, file, self.next_slot, &encode(number))?;
        storage.sync(file)?;
        if !self.is_named {
            storage.sync_folder()?;
            self.is_named = true;
        }
        self.durable = Some(number);
        self.next_slot = if self.next_slot == SLOTS[0] { SLOTS[1] } else { SLOTS[0] };
        Ok(())
    }
}

fn encode(number: u64) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<u64> {
    let (checked, checksum) = bytes.split_first_chunk::<16>()?;
    let number = u64::from_le_bytes(*checked.strip_prefix(MAGIC)?.first_chunk()?);
    let is_whole =
        checksum.first_chunk().map(|own| u32::from_le_bytes(*own)) == Some(crc32fast::hash(checked));
    (is_whole && number < NUMBER_LIMIT).then_some(number)
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_whole_or_none() {
        let bytes = encode(77);
        assert_eq!(bytes.len(), SLOT_BYTES);
        assert_eq!(decode(&bytes), Some(77));
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&wrong), None, "{bit}");
        }
        for length in 0..SLOT_BYTES {
            assert_eq!(decode(&bytes[..length]), None);
        }
        assert_eq!(decode(&encode(NUMBER_LIMIT)), None);
    }
}
