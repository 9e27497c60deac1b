//! The access of a file: its owner, its group and its permissions.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::path::Path;

/// The access that a new file takes over from the file that it replaces.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    permissions: Permissions,
    #[cfg(unix)]
    owner: u32,
    #[cfg(unix)]
    group: u32,
}

#[cfg(unix)]
mod unix {
    use std::fs::metadata;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    use super::*;

    impl Access {
        pub(in super::super) fn of(metadata: &Metadata) -> Self {
            Self { permissions: metadata.permissions(), owner: metadata.uid(), group: metadata.gid() }
        }

        /// Sets owner, group and permissions as far as that is allowed. Only root may change the owner; a member of a
        /// group may set that group. If the old group cannot be set, the new file's group gets only the rights that
        /// everybody has, because the old group's rights were not meant for another group.
        ///
        /// These narrow permissions are set first, while the process still owns the file. The rights of the old group
        /// are added at the end. If the system no longer allows that, the group does without them.
        ///
        /// A file system without permissions gives every file the same ones, and may refuse to set even those.
        pub(in super::super) fn give_to(&self, file: &File) -> io::Result<()> {
            let mode = self.permissions.mode();
            let narrowed = mode & !0o070 | mode & (mode & 0o007) << 3;
            set_mode(file, narrowed)?;
            if give_away(file, self.owner, self.group)? {
                _ = set_mode(file, mode);
            }
            Ok(())
        }
    }

    fn set_mode(file: &File, mode: u32) -> io::Result<()> {
        let permissions = Permissions::from_mode(mode);
        if file.metadata()?.permissions() == permissions { Ok(()) } else { file.set_permissions(permissions) }
    }

    /// Lets all users who may write in a folder use a new lock file there. The file gets the folder's owner and group
    /// where that is allowed. Users who may write in the folder may read the file, which is enough to lock it.
    /// Otherwise one save as root would shut out the folder's owner. The caller ignores failures, because the creator
    /// can lock the file anyway.
    pub(in super::super) fn share_with_folder(file: &File, folder: &Path) -> io::Result<()> {
        let (folder, own) = (metadata(folder)?, file.metadata()?.mode());
        let may_read = (folder.mode() & 0o022) << 1;
        if own & may_read != may_read {
            file.set_permissions(Permissions::from_mode(own | may_read))?;
        }
        give_away(file, folder.uid(), folder.gid()).map(drop)
    }

    /// Sets the owner and the group of a file as far as that is allowed. Returns whether the file has that group now.
    fn give_away(file: &File, owner: u32, group: u32) -> io::Result<bool> {
        let own = file.metadata()?;
        let is_there = (own.uid(), own.gid()) == (owner, group);
        let is_given = is_there || fchown(file, Some(owner), Some(group)).is_ok();
        Ok(is_given || own.gid() == group || fchown(file, None, Some(group)).is_ok())
    }
}

#[cfg(unix)]
pub(super) use unix::share_with_folder;

/// On other systems std only knows whether a file is read-only, and the folder decides about the rest.
#[cfg(not(unix))]
impl Access {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { permissions: metadata.permissions() }
    }

    pub(super) fn give_to(&self, _: &File) -> io::Result<()> {
        let _ = &self.permissions;
        Ok(())
    }
}

#[cfg(not(unix))]
pub(super) fn share_with_folder(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}
