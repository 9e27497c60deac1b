//! The things that a forked child inherits, and must leave alone.

use std::io::{Read, Write, pipe};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use hashlet::{Autosave, AutosavePolicy, Janitor, SaveOptions, SnapshotError, Store};

use crate::process::{Child, Side, end, fork, in_child};
use crate::support::folder::Folder;
use crate::{alone, name, store};

const HOUR: Duration = Duration::from_secs(3600);

fn start(store: &Arc<Store>, folder: &Folder) -> Autosave {
    Autosave::start(Arc::clone(store), folder.file(), AutosavePolicy::after(HOUR)).unwrap()
}

#[test]
fn a_save_is_not_refused_because_another_thread_starts_processes() {
    let _alone = alone();
    let (folder, store, saves) = (Folder::new(), Store::new(), AtomicUsize::new(0));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let saving = scope.spawn(|| {
            while !is_over.load(SeqCst) {
                store.save_with(folder.file(), SaveOptions::new().sync(false)).expect("nobody else saves");
                saves.fetch_add(1, SeqCst);
            }
        });
        let mut processes = 0;
        while !saving.is_finished() && (processes < 400 || saves.load(SeqCst) < 100) {
            assert!(Command::new("true").status().unwrap().success());
            processes += 1;
        }
        is_over.store(true, SeqCst);
        saving.join().unwrap();
    });
}

#[test]
fn a_save_after_a_save_or_a_close_is_not_refused_while_a_child_has_copies_of_the_files() {
    let _alone = alone();
    let (folder, store) = (Folder::new(), store("new"));
    let autosave = start(&store, &folder);
    let (until, release) = pipe().unwrap();
    let mut release = Some(release);
    // The child does nothing until it is released, like one that has not started its own program yet.
    let mut begin_child = || match fork() {
        Side::Parent(child) => child,
        Side::Child => {
            release = None;
            end(|| (&until).read(&mut [0]).is_ok_and(|read| read == 0))
        }
    };
    let mut children = vec![begin_child()];
    autosave.close().unwrap();
    store.save(folder.file()).expect("the path is free after a close");
    let options = SaveOptions::new().progress(|_| {
        if children.len() < 2 {
            children.push(begin_child());
        }
    });
    store.save_with(folder.file(), options).unwrap();
    store.save(folder.file()).expect("the path is free after a save");
    assert_eq!(children.len(), 2);
    drop(release);
    children.into_iter().for_each(Child::assert_right);
}

fn is_forked<R>(result: Result<R, Arc<SnapshotError>>) -> bool {
    result.is_err_and(|error| matches!(&*error, SnapshotError::Forked))
}

#[test]
fn an_autosave_in_a_forked_child_returns_an_error_instead_of_waiting() {
    let _alone = alone();
    let (folder, store) = (Folder::new(), store("old"));
    let mut autosave = Some(start(&store, &folder));
    let work = || {
        let inherited = autosave.as_ref().unwrap();
        is_forked(inherited.save())
            && is_forked(inherited.last().unwrap())
            && format!("{inherited:?}").contains("Forked")
            && is_forked(inherited.close())
            && inherited.stats() == hashlet::AutosaveStats::default()
            && is_forked(autosave.take().unwrap().close())
    };
    in_child(work).assert_right();
    let autosave = autosave.unwrap();
    assert!(matches!(store.save(folder.file()), Err(SnapshotError::Locked)), "the child has not unlocked");
    store.set("store", "name", "new").unwrap();
    assert!(autosave.close().unwrap().is_some(), "the parent's goes on");
    assert_eq!(name(folder.file()), "new");
}

#[test]
fn dropping_an_autosave_or_a_janitor_in_a_forked_child_waits_for_nothing() {
    let _alone = alone();
    let (folder, store) = (Folder::new(), store("new"));
    let mut both = Some((start(&store, &folder), Janitor::start(Arc::clone(&store), HOUR)));
    in_child(|| {
        both = None;
        // A thread of the child may get the same number as a thread of the parent.
        (0..10).all(|n| thread::spawn(move || n).join().is_ok_and(|told| told == n))
    })
    .assert_right();
    let (autosave, janitor) = both.unwrap();
    assert!(matches!(store.save(folder.file()), Err(SnapshotError::Locked)), "the child has not unlocked");
    autosave.close().unwrap();
    drop(janitor);
    assert!(Arc::try_unwrap(store).is_ok(), "the threads have ended");
}

#[test]
fn a_child_that_is_forked_during_a_save_leaves_the_save_to_its_parent() {
    for panics in [false, true] {
        let _alone = alone();
        let (folder, store) = (Folder::new(), store("new"));
        let (mut is_child, mut calls) = (false, 0);
        let options = SaveOptions::new().progress(|_| {
            calls += 1;
            if calls != 3 {
                return;
            }
            match fork() {
                // The child ends before the parent goes on, so the effects of what it does are seen.
                Side::Parent(child) => child.assert_right(),
                Side::Child => {
                    is_child = true;
                    if panics {
                        resume_unwind(Box::new("the child's panic"));
                    }
                }
            }
            assert!(is_child || folder.temporaries() == 1, "the child has removed the file");
        });
        let saved = catch_unwind(AssertUnwindSafe(|| store.save_with(folder.file(), options)));
        if is_child {
            end(|| {
                let is_refused = matches!(saved, Ok(Err(SnapshotError::Forked)));
                (is_refused || panics && saved.is_err())
                    && folder.temporaries() == 1
                    && matches!(store.save(folder.file()), Err(SnapshotError::Locked))
                    && store.save(folder.path().join("childs")).is_ok()
            });
        }
        let report = saved.unwrap().expect("the parent's save goes on");
        assert_eq!((report.keys, name(folder.file()).as_str()), (5_001, "new"));
        assert_eq!(name(folder.path().join("childs")), "new", "the child's copy is a store of its own");
        assert_eq!(folder.temporaries(), 0);
    }
}

#[test]
fn a_forked_child_gives_other_names_to_its_files() {
    let _alone = alone();
    let (folder, store) = (Folder::new(), store("new"));
    let digits = || {
        let mut digits = String::new();
        let options = SaveOptions::new().progress(|_| {
            let name = folder.names().into_iter().find(|name| name.ends_with(".tmp")).unwrap();
            digits = name.rsplit_once('-').unwrap().1.to_owned();
        });
        store.save_with(folder.file(), options).unwrap();
        digits
    };
    digits(); // from now on the thread has its keys
    let (mut parents, childs) = pipe().unwrap();
    let child = in_child(|| (&childs).write_all(digits().as_bytes()).is_ok());
    child.assert_right();
    drop(childs);
    let mut of_child = String::new();
    parents.read_to_string(&mut of_child).unwrap();
    assert_eq!(of_child.len(), 32 + ".tmp".len());
    assert_ne!(of_child, digits());
}
