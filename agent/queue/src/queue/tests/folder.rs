//! A queue on a real file system.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::*;

/// A folder for a test, which is gone with it.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("spanwire-queue-{}-{name}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn open(path: &Path) -> Result<Queue, Error> {
    Queue::open(Disk::open(path)?, SMALL)
}

#[track_caller]
fn refused(path: &Path, why: &str) {
    let error = Disk::open(path).err().unwrap().to_string();
    assert!(error.contains(why), "{error}");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_was_put_in_is_there_after_reopening() {
    let temporary = Temporary::new("reopen");
    let path = temporary.0.join("new/queue");
    let mut queue = open(&path).unwrap();
    for number in 0..10_u8 {
        assert_eq!(queue.push(&[number; 1000], 2).unwrap(), u64::from(number));
    }
    assert_eq!(queue.next_record().unwrap().unwrap().number, 0);
    assert!(queue.acknowledge(0));
    queue.sync().unwrap();
    drop(queue);
    let mut queue = open(&path).unwrap();
    assert_eq!(queue.recovered(), Recovered { records: 9, items: 18, ..Recovered::default() });
    for number in 1..10_u8 {
        let record = queue.next_record().unwrap().unwrap();
        assert_eq!((record.number, record.items), (u64::from(number), 2));
        assert_eq!(record.payload, [number; 1000]);
        assert!(queue.acknowledge(record.number));
    }
    queue.sync().unwrap();
    let names = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["lock", "position"]);
}

#[test]
fn nobody_else_can_read_it() {
    let temporary = Temporary::new("modes");
    let path = temporary.0.join("queue");
    let mut queue = open(&path).unwrap();
    queue.push(b"payload", 1).unwrap();
    queue.sync().unwrap();
    assert_eq!(mode(&path), 0o700);
    let mut files = 0;
    for entry in fs::read_dir(&path).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
        files += 1;
    }
    assert_eq!(files, 3);
}

#[test]
fn a_second_owner_is_told_of_the_first() {
    let temporary = Temporary::new("lock");
    let queue = open(&temporary.0).unwrap();
    refused(&temporary.0, &format!("in use by process {};", std::process::id()));
    drop(queue);
    assert!(open(&temporary.0).is_ok());
}

#[test]
fn folders_that_others_could_change_are_refused() {
    let temporary = Temporary::new("folders");
    let (real, link, file) = (temporary.0.join("real"), temporary.0.join("link"), temporary.0.join("file"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    fs::write(&file, "").unwrap();
    refused(&link, "is a file or a symbolic link");
    refused(&link.join(""), "is a file or a symbolic link");
    refused(&link.join("."), "is a file or a symbolic link");
    refused(&file, "is a file or a symbolic link");
    refused(&file.join("queue"), "cannot be made");
    for (bits, is_right) in [(0o770, false), (0o702, false), (0o1777, false), (0o755, true), (0o700, true)] {
        fs::set_permissions(&real, Permissions::from_mode(bits)).unwrap();
        assert_eq!(Disk::open(&real).is_ok(), is_right, "{bits:o}");
    }
    fs::set_permissions(&real, Permissions::from_mode(0o777)).unwrap();
    refused(&real, "(mode 0777): chmod 0700");
}

#[test]
fn files_that_are_links_are_not_followed() {
    let temporary = Temporary::new("links");
    let target = temporary.0.join("target");
    fs::write(&target, "kept").unwrap();
    for name in ["lock", "position", "0000000000000000.segment"] {
        let path = temporary.0.join(format!("queue-{name}"));
        fs::create_dir(&path).unwrap();
        symlink(&target, path.join(name)).unwrap();
        if let Ok(mut queue) = open(&path) {
            queue.push(b"payload", 1).ok();
            queue.sync().ok();
        }
        assert_eq!(fs::read(&target).unwrap(), b"kept", "{name}");
    }
}

#[test]
fn a_disk_that_is_full_is_used_again_when_there_is_room() {
    let temporary = Temporary::new("full");
    let path = temporary.0.join("small");
    fs::create_dir(&path).unwrap();
    // Only root may do this, and not everywhere.
    let size = c"size=48k,mode=0700";
    if mount("none", &path, "tmpfs", MountFlags::empty(), Some(size)).is_err() {
        return;
    }
    let options = Options { total_bytes: 1 << 20, segment_bytes: 16_384, payload_bytes: 3000 };
    let mut queue = Queue::open(Disk::open(&path).unwrap(), options).unwrap();
    let filler = path.join("filler");
    let mut taken = 0_u64;
    let error = loop {
        match queue.push(&[1; 3000], 1) {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
        if taken == 5 {
            fs::write(&filler, [0; 16_384]).unwrap();
        }
    };
    let Error::Write { source } = &error else { panic!("{error}") };
    assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    fs::remove_file(&filler).unwrap();
    queue.sync().unwrap();
    queue.push(&[2; 3000], 1).unwrap();
    queue.sync().unwrap();
    drop(queue);
    let mut queue = Queue::open(Disk::open(&path).unwrap(), options).unwrap();
    assert_eq!(queue.recovered(), Recovered { records: taken + 1, items: taken + 1, ..Recovered::default() });
    for number in 0..=taken {
        let record = queue.next_record().unwrap().unwrap();
        let byte = if number == taken { 2 } else { 1 };
        assert_eq!((record.number, record.payload), (number, vec![byte; 3000]));
    }
    drop(queue);
    unmount(&path, UnmountFlags::empty()).unwrap();
}
