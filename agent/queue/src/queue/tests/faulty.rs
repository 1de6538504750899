//! A file system in memory that fails, and that forgets in a crash what was not synced: any sectors, in any order,
//! lengths and names too.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use rustix::io::Errno;

use crate::Storage;
use crate::storage::room;

const SECTOR_BYTES: usize = 512;

/// Which operations fail, each time with odds of one to three.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) write: bool,
    pub(super) read: bool,
    pub(super) sync: bool,
    /// Those on names, and cutting off.
    pub(super) names: bool,
    /// Each time, by the first error there is.
    pub(super) always: bool,
}

#[derive(Clone)]
pub(super) struct Faulty(Rc<RefCell<State>>);

#[derive(Clone)]
struct State {
    files: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Changes of names since the folder was synced.
    renamed: Vec<(String, Option<usize>)>,
    random: u64,
    faults: Faults,
    /// Operations that change something, and the one at which the machine stops.
    operations: u64,
    stop_at: u64,
    is_down: bool,
}

#[derive(Clone, Default)]
struct Inode {
    /// As it is read.
    cache: Vec<u8>,
    /// As it is after a crash if nothing of `changes` is.
    durable: Vec<u8>,
    changes: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Inode {
    /// What a crash leaves, if each change of a sector or a length is kept with these odds.
    fn crashed(&self, keep_percent: u64, random: &mut u64) -> Vec<u8> {
        let mut content = self.durable.clone();
        let mut longest = content.len();
        for change in &self.changes {
            match change {
                Change::Length(length) => {
                    if draw(random, 100) < keep_percent {
                        content.resize(*length, 0);
                    }
                }
                Change::Write(offset, bytes) => {
                    longest = longest.max(offset + bytes.len());
                    let mut from = 0;
                    while from < bytes.len() {
                        let at = offset + from;
                        let count = (SECTOR_BYTES - at % SECTOR_BYTES).min(bytes.len() - from);
                        if draw(random, 100) < keep_percent {
                            overwrite(&mut content, at, &bytes[from..from + count]);
                        }
                        from += count;
                    }
                }
            }
        }
        if (1..100).contains(&keep_percent) && draw(random, 4) == 0 {
            content.resize(longest.max(content.len()), 0);
        }
        content
    }
}

fn overwrite(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    content.resize(content.len().max(at + bytes.len()), 0);
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

/// A number below `limit` (Marsaglia's xorshift64).
fn draw(random: &mut u64, limit: u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    (*random >> 16) % limit
}

impl State {
    /// Counts an operation that changes something.
    fn change(&mut self) -> io::Result<()> {
        if !self.is_down && self.operations == self.stop_at {
            self.is_down = true;
        }
        self.operations += 1;
        if self.is_down { Err(Errno::IO.into()) } else { Ok(()) }
    }

    fn fails(&mut self, is_on: impl Fn(&Faults) -> bool) -> bool {
        is_on(&self.faults) && (self.faults.always || draw(&mut self.random, 4) == 0)
    }

    fn error(&mut self, errors: &[Errno]) -> io::Error {
        let limit = if self.faults.always { 1 } else { errors.len() as u64 };
        errors[usize::try_from(draw(&mut self.random, limit)).unwrap()].into()
    }

    fn write(&mut self, file: usize, offset: u64, bytes: &[u8]) {
        let at = usize::try_from(offset).unwrap();
        overwrite(&mut self.files[file].cache, at, bytes);
        self.files[file].changes.push(Change::Write(at, bytes.to_vec()));
    }

    fn prefix(&mut self, length: usize) -> usize {
        usize::try_from(draw(&mut self.random, length as u64 + 1)).unwrap()
    }
}

impl Faulty {
    pub(super) fn new(seed: u64) -> Self {
        Self(Rc::new(RefCell::new(State {
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            renamed: Vec::new(),
            random: seed | 1 << 40,
            faults: Faults::default(),
            operations: 0,
            stop_at: u64::MAX,
            is_down: false,
        })))
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        self.0.borrow_mut().faults = faults;
    }

    /// Stops the machine at this operation.
    pub(super) fn stop_at(&self, operation: u64) {
        self.0.borrow_mut().stop_at = operation;
    }

    pub(super) fn operations(&self) -> u64 {
        self.0.borrow().operations
    }

    pub(super) fn is_down(&self) -> bool {
        self.0.borrow().is_down
    }

    /// The same content, in a file system without faults.
    pub(super) fn fork(&self) -> Self {
        let state = self.0.borrow().clone();
        let fork = Self(Rc::new(RefCell::new(state)));
        fork.mend();
        fork
    }

    fn mend(&self) {
        let mut state = self.0.borrow_mut();
        (state.faults, state.stop_at, state.is_down) = (Faults::default(), u64::MAX, false);
    }

    /// Stops and starts the machine; of what was not synced each sector, length and name stays with these odds.
    pub(super) fn crash(&self, keep_percent: u64) {
        self.mend();
        let mut state = self.0.borrow_mut();
        let mut random = state.random;
        for file in &mut state.files {
            file.cache = file.crashed(keep_percent, &mut random);
            file.durable.clone_from(&file.cache);
            file.changes.clear();
        }
        let mut names = std::mem::take(&mut state.durable_names);
        for (name, file) in std::mem::take(&mut state.renamed) {
            if draw(&mut random, 100) < keep_percent {
                match file {
                    Some(file) => names.insert(name, file),
                    None => names.remove(&name),
                };
            }
        }
        state.random = random;
        state.names.clone_from(&names);
        state.durable_names = names;
    }

    /// Room of all files.
    pub(super) fn room(&self) -> u64 {
        let state = self.0.borrow();
        state.names.values().map(|file| room(state.files[*file].cache.len() as u64)).sum()
    }

    /// A file's content.
    pub(super) fn content(&self, name: &str) -> Vec<u8> {
        let state = self.0.borrow();
        state.files[state.names[name]].cache.clone()
    }

    /// The segments' names and contents, in order.
    pub(super) fn segments(&self) -> Vec<(String, Vec<u8>)> {
        let state = self.0.borrow();
        let names = state.names.iter().filter(|(name, _)| name.ends_with("segment"));
        names.map(|(name, file)| (name.clone(), state.files[*file].cache.clone())).collect()
    }

    /// Puts a durable file there.
    pub(super) fn put(&self, name: &str, content: &[u8]) {
        let mut state = self.0.borrow_mut();
        let file = state.files.len();
        let (cache, durable) = (content.to_vec(), content.to_vec());
        state.files.push(Inode { cache, durable, changes: Vec::new() });
        state.names.insert(name.to_owned(), file);
        state.durable_names.insert(name.to_owned(), file);
    }
}

impl Storage for Faulty {
    type File = usize;

    fn names(&self, each: &mut dyn FnMut(&str)) -> io::Result<()> {
        self.0.borrow().names.keys().for_each(|name| each(name));
        Ok(())
    }

    fn create(&self, name: &str) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        state.change()?;
        if state.fails(|faults| faults.names) {
            return Err(state.error(&[Errno::IO, Errno::NOSPC, Errno::ROFS, Errno::MFILE]));
        }
        assert!(!state.names.contains_key(name), "{name} is there");
        let file = state.files.len();
        state.files.push(Inode::default());
        state.names.insert(name.to_owned(), file);
        state.renamed.push((name.to_owned(), Some(file)));
        Ok(file)
    }

    fn open(&self, name: &str) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        if state.fails(|faults| faults.names) {
            return Err(state.error(&[Errno::IO, Errno::MFILE]));
        }
        state.names.get(name).copied().ok_or_else(|| Errno::NOENT.into())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.change()?;
        if state.fails(|faults| faults.names) {
            return Err(state.error(&[Errno::IO, Errno::ROFS]));
        }
        state.renamed.push((name.to_owned(), None));
        state.names.remove(name).map(|_| ()).ok_or_else(|| Errno::NOENT.into())
    }

    fn length(&self, file: &usize) -> io::Result<u64> {
        Ok(self.0.borrow().files[*file].cache.len() as u64)
    }

    fn read(&self, file: &usize, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        if state.is_down {
            return Err(Errno::IO.into());
        }
        let mut most = into.len();
        if state.fails(|faults| faults.read) {
            match draw(&mut state.random, 3) {
                0 if !state.faults.always => most = most.min(1 + state.prefix(most)),
                _ => return Err(state.error(&[Errno::IO, Errno::IO, Errno::IO, Errno::INTR, Errno::NOMEM])),
            }
        }
        let content = &state.files[*file].cache;
        let rest = content.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let count = rest.len().min(most);
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write(&self, file: &usize, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        let was_down = state.is_down;
        if let Err(error) = state.change() {
            // What is written as the machine stops is written in part.
            if !was_down {
                let count = state.prefix(bytes.len());
                state.write(*file, offset, &bytes[..count]);
            }
            return Err(error);
        }
        if state.fails(|faults| faults.write) {
            let count = state.prefix(bytes.len() - 1);
            if count == 0 {
                return Err(state.error(&[Errno::IO, Errno::NOSPC, Errno::ROFS, Errno::INTR]));
            }
            state.write(*file, offset, &bytes[..count]);
            return Ok(count);
        }
        state.write(*file, offset, bytes);
        Ok(bytes.len())
    }

    fn truncate(&self, file: &usize, length: u64) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.change()?;
        if state.fails(|faults| faults.names) {
            return Err(state.error(&[Errno::IO, Errno::ROFS]));
        }
        let length = usize::try_from(length).unwrap();
        state.files[*file].cache.resize(length, 0);
        state.files[*file].changes.push(Change::Length(length));
        Ok(())
    }

    fn sync(&self, file: &usize) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.change()?;
        let fails = state.fails(|faults| faults.sync);
        let mut random = state.random;
        let inode = &mut state.files[*file];
        if fails {
            // As Linux does: the pages count as clean from now on, whatever reached the disk, and some file systems
            // read the old ones back.
            let percent = 50 * draw(&mut random, 3);
            inode.durable = inode.crashed(percent, &mut random);
            if draw(&mut random, 2) == 0 {
                inode.cache.clone_from(&inode.durable);
            }
        } else {
            // Only what changed: a page that an earlier failure left clean is not written.
            inode.durable = inode.crashed(100, &mut random);
        }
        inode.changes.clear();
        state.random = random;
        if fails { Err(state.error(&[Errno::IO, Errno::NOSPC])) } else { Ok(()) }
    }

    fn sync_folder(&self) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.change()?;
        if state.fails(|faults| faults.sync) {
            return Err(Errno::IO.into());
        }
        state.durable_names = state.names.clone();
        state.renamed.clear();
        Ok(())
    }

    fn draw(&self) -> io::Result<u64> {
        Ok(draw(&mut self.0.borrow_mut().random, u64::MAX))
    }
}
