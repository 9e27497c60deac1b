//! Walks over all keys. A cursor leads through one process of a server. Another process, after a restart or a fail-over, has
//! its keys in another order, and a walk that went on there would leave some out. So it begins anew. And another process may
//! have lost what one before it has acknowledged, so a copy to a server ends on the process on which it began.

use super::answer::text;
use super::{Remote, RemoteError};

impl Remote {
    /// Runs a walk from its beginning to its end, on one process of the server.
    #[track_caller]
    pub(super) fn walk<T, E: From<RemoteError>>(&self, mut walk: impl FnMut() -> Result<T, E>) -> Result<T, E> {
        for _ in 0..=self.options().retries {
            let process = self.process()?;
            let result = walk()?;
            if self.process()? == process {
                return Ok(result);
            }
        }
        Err(RemoteError::replaced().into())
    }

    /// What tells a process of a server from any other.
    #[track_caller]
    pub(super) fn process(&self) -> Result<String, RemoteError> {
        let info = self.ask(redis::cmd("INFO").arg("server"), text)?;
        Ok(info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap_or_default().to_string())
    }
}
