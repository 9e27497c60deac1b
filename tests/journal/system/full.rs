//! A disk that is full: a journal fails, tells it, and heals by itself when there is room again.

#![allow(unsafe_code, reason = "std mounts nothing")]

use std::ffi::CString;
use std::fs::{self, File};
use std::future::Future;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use hashlet::{Durability, Durable, Error, JournalError, JournalOptions, OnFailure, Store};

use crate::process::is_root;
use crate::support::folder::Folder;
use crate::support::waiting::wait_until;
use crate::{HOUR, alone, contents, open};

/// The variable that tells the process that is aborted where its journal is.
const PATH: &str = "HASHLET_FULL_PATH";

/// A disk of 2 MiB.
struct Disk(Folder);

impl Disk {
    /// `None`, and a loud word about it, if this user may mount nothing.
    fn mount() -> Option<Self> {
        let folder = Folder::new();
        let target = CString::new(folder.path().to_str().unwrap()).unwrap();
        // SAFETY: all pointers are to strings that end in a zero.
        let mounted = is_root()
            && unsafe {
                libc::mount(c"tmpfs".as_ptr(), target.as_ptr(), c"tmpfs".as_ptr(), 0, c"size=2m".as_ptr().cast())
            } == 0;
        if !mounted {
            let told = "\njournal_system: SKIPPED, NOTHING WAS RUN: only root can mount a small disk to fill it\n";
            std::io::stderr().write_all(told.as_bytes()).unwrap(); // which the harness does not hide
            return None;
        }
        Some(Self(folder))
    }

    fn journal(&self) -> PathBuf {
        self.0.path().join("journal")
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }

    /// Leaves this much room.
    fn fill(&self, room: usize) {
        let mut ballast = File::create(self.ballast()).unwrap();
        while ballast.write_all(&[1; 4096]).is_ok() {}
        let len = ballast.metadata().unwrap().len();
        ballast.set_len(len - room as u64).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let target = CString::new(self.0.path().to_str().unwrap()).unwrap();
        // SAFETY: the pointer is to a string that ends in a zero.
        let unmounted = unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
        assert!(unmounted == 0 || thread::panicking(), "{}", std::io::Error::last_os_error());
    }
}

fn start(disk: &Disk, durability: Durability, on_failure: OnFailure) -> Durable {
    let options = JournalOptions::new().durability(durability).on_failure(on_failure).checkpoint_after(u64::MAX, 1.0);
    let journal = Store::builder().open(disk.journal(), options).unwrap();
    journal.set_many("early", [("f", "v"), ("g", "w")]).unwrap();
    journal.set("counter", "n", "1").unwrap();
    journal.sync().unwrap();
    journal
}

/// Writes until the journal refuses it. Returns the first error, and the number of writes.
fn write_until_it_fails(journal: &Durable) -> (Error, usize) {
    for n in 0.. {
        if let Err(error) = journal.set(format!("key:{n}"), "f", vec![b'x'; 3_000]) {
            return (error, n);
        }
        if n % 50 == 49 {
            thread::sleep(Duration::from_millis(5)); // for a thread that writes
        }
    }
    unreachable!("the disk is small")
}

fn assert_has_failed(journal: &Durable) {
    let status = journal.status();
    let failure = status.failure.expect("the journal has failed");
    assert_eq!(failure.kind(), std::io::ErrorKind::StorageFull, "{failure}");
    assert!(!status.is_closed);
    assert_eq!(status.waiting_bytes, 0);
    let before = contents(journal);
    assert_eq!(journal.set("early", "f", "new").map(drop), Err(Error::JournalFailed));
    assert_eq!(journal.increment("counter", "n", 1), Err(Error::JournalFailed));
    assert_eq!(journal.update("early", |hash| hash.set("h", "v").map(drop)), Err(Error::JournalFailed));
    assert_eq!(contents(journal), before, "nothing was changed");
    assert!(matches!(journal.sync(), Err(JournalError::Failed { .. })));
    let now = pin!(journal.synced()).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(now, Poll::Ready(Err(JournalError::Failed { .. }))), "{now:?}");
    assert_eq!(journal.get("early", "f").as_deref(), Some(&b"v"[..]), "it is read");
    assert!(journal.remove("early", "g"), "it is removed in memory");
    assert_eq!(journal.expire("counter", HOUR), hashlet::ExpireOutcome::Set);
}

#[test]
fn a_journal_on_a_full_disk_fails_and_heals_when_there_is_room() {
    for level in
        [Durability::Always, Durability::Os, Durability::Every(Duration::from_millis(5)), Durability::Every(HOUR)]
    {
        let _alone = alone();
        let Some(disk) = Disk::mount() else { return };
        let journal = start(&disk, level, OnFailure::Refuse);
        disk.fill(300 << 10);
        if level == Durability::Every(HOUR) {
            for n in 0..150 {
                journal.set(format!("key:{n}"), "f", vec![b'x'; 3_000]).unwrap();
            }
            let failed = journal.sync();
            assert!(matches!(failed, Err(JournalError::Failed { .. })), "{failed:?}");
        } else {
            let (error, writes) = write_until_it_fails(&journal);
            let is_right = match level {
                Durability::Every(_) => error == Error::JournalFailed,
                _ => error == Error::Unlogged && journal.contains_key(format!("key:{writes}")),
            };
            assert!(is_right, "{level:?}: {error}");
            assert!(writes >= 90, "{level:?}: {writes}");
        }
        assert_has_failed(&journal);
        // Healing is tried, but there is no room for it.
        assert!(matches!(
            journal.checkpoint(),
            Err(JournalError::Io { .. } | JournalError::Busy | JournalError::Failed { .. })
        ));
        wait_until(|| journal.status().checkpoint_failure.is_some());
        assert_has_failed_again(&journal);
        let names = fs::read_dir(disk.journal()).unwrap().map(|entry| entry.unwrap().file_name());
        let begun = Instant::now();
        drop(names);
        disk.free();
        wait_until(|| journal.status().failure.is_none());
        let healed = begun.elapsed();
        assert!(healed < Duration::from_secs(20), "{level:?}: {healed:?}");
        journal.set("late", "f", "v").unwrap();
        journal.increment("counter", "n", 1).unwrap();
        journal.sync().unwrap();
        wait_until(|| journal.status().checkpoint_failure.is_none());
        // As after a kill.
        let copy = Folder::in_memory();
        for entry in fs::read_dir(disk.journal()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        let copied = open(copy.path());
        assert_eq!(contents(&copied), contents(&journal), "{level:?}");
        assert!(copied.key_count() > 90 && !copied.contains("early", "g") && copied.deadline("counter").is_some());
        drop(copied);
        journal.checkpoint().unwrap();
        journal.set("last", "f", "v").unwrap();
        let held = contents(&journal);
        journal.close().unwrap();
        let journal = open(disk.journal());
        assert!(journal.recovery().was_closed);
        assert_eq!(contents(&journal), held, "{level:?}");
    }
}

fn assert_has_failed_again(journal: &Durable) {
    assert!(journal.status().failure.is_some());
    assert_eq!(journal.set("early", "f", "new").map(drop), Err(Error::JournalFailed));
}

/// A close makes the last try.
#[test]
fn a_close_of_a_failed_journal_heals_it_or_tells() {
    for has_room in [false, true] {
        let _alone = alone();
        let Some(disk) = Disk::mount() else { return };
        let journal = start(&disk, Durability::Os, OnFailure::Refuse);
        disk.fill(100 << 10);
        let (error, _) = write_until_it_fails(&journal);
        assert_eq!(error, Error::Unlogged);
        wait_until(|| journal.status().checkpoint_failure.is_some());
        let held = contents(&journal);
        if has_room {
            disk.free();
        }
        let mut closed = journal.close();
        if has_room && matches!(closed, Err(JournalError::Busy)) {
            closed = Ok(()); // the thread of the journal was making the checkpoint
        }
        assert_eq!(closed.is_ok(), has_room, "{closed:?}");
        if !has_room {
            disk.free();
        }
        let journal = open(disk.journal());
        let found = contents(&journal);
        if has_room {
            assert_eq!(found, held);
        } else {
            assert!(found.iter().all(|(key, hash)| held.get(key) == Some(hash)), "something else");
            assert!(found.len() + 1 >= held.len(), "what was acknowledged: {} of {}", found.len(), held.len());
        }
    }
}

#[test]
fn a_failed_checkpoint_on_a_full_disk_fails_no_call() {
    let _alone = alone();
    let Some(disk) = Disk::mount() else { return };
    let journal = start(&disk, Durability::Os, OnFailure::Refuse);
    for n in 0..200 {
        journal.set(format!("key:{n}"), "f", vec![b'x'; 3_000]).unwrap();
    }
    disk.fill(64 << 10);
    for n in 0..3 {
        let refused = journal.checkpoint();
        assert!(
            matches!(&refused, Err(JournalError::Io { error, .. }) if error.kind() == std::io::ErrorKind::StorageFull)
        );
        assert!(matches!(journal.status().checkpoint_failure, Some(JournalError::Io { .. })));
        journal.set("key:0", "n", n.to_string()).unwrap();
        journal.sync().unwrap();
    }
    let held = contents(&journal);
    drop(journal);
    disk.free();
    let journal = open(disk.journal());
    assert_eq!(contents(&journal), held);
    assert!(journal.recovery().logs.len() > 1, "{:?}", journal.recovery());
    journal.checkpoint().unwrap();
    drop(journal);
    assert_eq!(contents(&open(disk.journal())), held);
}

#[test]
#[ignore = "it is what the other process does, until it is aborted"]
fn process_that_is_aborted() {
    let Some(path) = std::env::var_os(PATH).map(PathBuf::from) else { return };
    let disk = path.parent().unwrap();
    let options = JournalOptions::new().durability(Durability::Always).on_failure(OnFailure::Abort);
    let journal = Store::builder().open(&path, options).unwrap();
    assert!(Path::new(disk).join("ballast").exists());
    for n in 0.. {
        journal.set(format!("key:{n}"), "f", vec![b'x'; 3_000]).unwrap();
        std::io::stdout().write_all(format!("\ndone {n}\n").as_bytes()).unwrap();
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn a_process_that_wants_it_is_aborted_when_its_journal_fails() {
    let _alone = alone();
    let Some(disk) = Disk::mount() else { return };
    disk.fill(300 << 10);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["full::process_that_is_aborted", "--exact", "--ignored", "--nocapture"]).env(PATH, disk.journal());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut told, mut errors) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(libc::SIGABRT), "{status}: {told}: {errors}");
    assert!(errors.contains("the journal has failed"), "{errors}");
    disk.free();
    let done = told.lines().filter(|line| line.starts_with("done ")).count();
    let journal = open(disk.journal());
    assert!(done >= 90, "{done}");
    assert!(
        (done..=done + 1).contains(&journal.key_count()),
        "{done} were acknowledged, {} found",
        journal.key_count()
    );
}
