//! Files of several users in one folder. Tests that only root can prepare do nothing for other users.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use crate::process::{become_user, in_child, is_root, set_mask};
use crate::support::folder::Folder;
use crate::{alone, name, store};

const USER: u32 = 64_001;
const COLLEAGUE: u32 = 64_002;
const GROUP: u32 = 64_003;

/// A folder that belongs to a user and a group, both of which may write in it. `None` if the tests do not run as root.
fn folder_of_user() -> Option<Folder> {
    let folder = Folder::new();
    is_root().then(|| {
        chown(folder.path(), Some(USER), Some(GROUP)).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o770)).unwrap();
        folder
    })
}

fn owners(path: impl AsRef<Path>) -> (u32, u32) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.uid(), metadata.gid())
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn lock(folder: &Folder) -> std::path::PathBuf {
    folder.path().join("store.hashlet.lock")
}

#[test]
fn a_save_as_root_does_not_lock_out_users_of_the_folder() {
    let _alone = alone();
    let Some(folder) = folder_of_user() else { return };
    let store = store("new");
    let save_as = |user: Option<(u32, u32)>| {
        in_child(|| {
            set_mask(0o077);
            user.inspect(|&(user, group)| become_user(user, group));
            store.save(folder.file()).is_ok()
        })
        .assert_right();
    };
    save_as(None);
    assert_eq!((owners(lock(&folder)), mode(lock(&folder))), ((USER, GROUP), 0o640), "the group may read, and so lock");
    save_as(Some((COLLEAGUE, GROUP)));
    assert_eq!(owners(folder.file()), (COLLEAGUE, GROUP));
    save_as(Some((USER, GROUP)));
    assert_eq!(owners(folder.file()), (USER, GROUP));
    save_as(None);
    assert_eq!(owners(folder.file()), (USER, GROUP), "root has kept the owner");
    in_child(|| {
        become_user(USER, GROUP);
        name(folder.file()) == "new"
    })
    .assert_right();
}

#[test]
fn a_read_only_lock_file_can_be_locked() {
    let _alone = alone();
    let Some(folder) = folder_of_user() else { return };
    let store = store("new");
    fs::write(lock(&folder), "").unwrap();
    fs::set_permissions(lock(&folder), Permissions::from_mode(0o444)).unwrap();
    in_child(|| {
        become_user(USER, GROUP);
        store.save(folder.file()).is_ok()
    })
    .assert_right();
    assert_eq!((owners(lock(&folder)), mode(lock(&folder))), ((0, 0), 0o444), "it stays as it was");
}

#[test]
fn a_new_file_has_the_owner_the_group_and_the_permissions_of_the_old_one() {
    let _alone = alone();
    let Some(folder) = folder_of_user() else { return };
    let store = store("new");
    fs::write(folder.file(), "old").unwrap();
    for kept in [0o600, 0o640, 0o444, 0o4755] {
        chown(folder.file(), Some(COLLEAGUE), Some(GROUP)).unwrap();
        fs::set_permissions(folder.file(), Permissions::from_mode(kept)).unwrap();
        store.save(folder.file()).unwrap();
        let found = fs::metadata(folder.file()).unwrap();
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o7777), (COLLEAGUE, GROUP, kept), "{kept:o}");
    }
}

#[test]
fn a_group_that_did_not_own_the_old_file_gets_only_the_permissions_of_others() {
    let _alone = alone();
    let Some(folder) = folder_of_user() else { return };
    let store = store("new");
    for (old, new) in [(0o640, 0o600), (0o664, 0o644), (0o660, 0o600), (0o606, 0o606), (0o644, 0o644)] {
        fs::write(folder.file(), "old").unwrap();
        chown(folder.file(), Some(0), Some(0)).unwrap();
        fs::set_permissions(folder.file(), Permissions::from_mode(old)).unwrap();
        in_child(|| {
            become_user(USER, GROUP);
            store.save(folder.file()).is_ok()
        })
        .assert_right();
        assert_eq!((owners(folder.file()), mode(folder.file())), ((USER, GROUP), new), "{old:o}");
    }
}
