//! Who owns a file, and who may do what with it.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::path::Path;

/// What a new file takes over from the one that it replaces.
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

        /// Only root may give a file away; a group may be given by whoever is in it. What is not allowed is left out, and
        /// then another group gets no more than everybody has: the old one's permissions were not meant for it.
        ///
        /// These narrow permissions are set first, while the file is still the process's own. What the old group had is added
        /// at the end. If the system does not allow that any more, the group does without.
        ///
        /// A file system that knows no permissions gives every file the same, and may refuse to set even those.
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

    /// Lets everybody use a new lock file who may write in its folder: it gets the folder's owner and group where that is
    /// allowed, and whoever may write there may read it, which is all that a lock takes. Otherwise one save as root would shut out
    /// the folder's owner. Failures are ignored: the creator can lock the file anyway.
    pub(in super::super) fn share_with_folder(file: &File, folder: &Path) -> io::Result<()> {
        let (folder, own) = (metadata(folder)?, file.metadata()?.mode());
        let may_read = (folder.mode() & 0o022) << 1;
        if own & may_read != may_read {
            file.set_permissions(Permissions::from_mode(own | may_read))?;
        }
        give_away(file, folder.uid(), folder.gid()).map(drop)
    }

    /// Gives a file to an owner and a group as far as that is allowed, and returns whether the group has it.
    fn give_away(file: &File, owner: u32, group: u32) -> io::Result<bool> {
        let own = file.metadata()?;
        let is_there = (own.uid(), own.gid()) == (owner, group);
        let is_given = is_there || fchown(file, Some(owner), Some(group)).is_ok();
        Ok(is_given || own.gid() == group || fchown(file, None, Some(group)).is_ok())
    }
}

#[cfg(unix)]
pub(super) use unix::share_with_folder;

/// Elsewhere std knows only whether a file may be written to, and the folder decides about the rest.
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
