//! Walks over all keys. A cursor leads through one process of a server. Another process, after a restart or a fail-over, has
//! its keys in another order, and a walk that went on there would leave some out. So it begins anew. And another process may
//! have lost what one before it has acknowledged, so a copy to servers asks at its end whether they are still those of its
//! beginning.

use super::RemoteError;
use super::answer::text;
use super::call::Caller;
use super::request::Request;
use super::servers::{Account, Node, Servers, Topology};
use crate::pattern::KeyPattern;

type Result<T, E = RemoteError> = std::result::Result<T, E>;

/// The servers as they were when a call about all keys began.
pub(super) struct State {
    pub(super) topology: Topology,
    /// What each server tells of itself, in the order of the topology.
    each: Vec<(Process, Account)>,
}

/// What tells a process of a server from any other.
type Process = String;

impl<S: Servers> Caller<S> {
    /// Goes through the keys of a server that match a pattern, from its first to its last, page by page, on one process of it.
    /// Each time that the walk begins anew, so does its result.
    #[track_caller]
    pub(super) fn walk<T: Clone, E: From<RemoteError>>(
        &self,
        node: &Node,
        pattern: &KeyPattern,
        keys_a_page: usize,
        begin: T,
        mut step: impl FnMut(&mut T, Vec<Vec<u8>>) -> Result<(), E>,
    ) -> Result<T, E> {
        for _ in 0..=self.options().retries {
            let (process, mut result, mut cursor) = (self.process(node)?, begin.clone(), Some(0));
            while let Some(at) = cursor {
                let (page, next) = self.scan_node(node, pattern, at, keys_a_page)?;
                step(&mut result, page)?;
                cursor = next;
            }
            if self.process(node)? == process {
                return Ok(result);
            }
        }
        Err(RemoteError::replaced().into())
    }

    /// Asks all servers that hold keys for what [`has_changed`](Self::has_changed) compares.
    #[track_caller]
    pub(super) fn state(&self) -> Result<State> {
        self.patiently(|| {
            let topology = self.topology()?;
            Ok(State { each: self.each(&topology)?, topology })
        })
    }

    /// Whether slots have moved since then or are still moving, or other processes hold them now, or servers cannot be reached
    /// that could be reached then.
    #[track_caller]
    pub(super) fn has_changed(&self, since: &State) -> Result<bool> {
        let accounts = || since.each.iter().map(|(_, account)| account);
        if accounts().any(Account::has_slots_on_the_way) || !since.topology.agrees_with(accounts()) {
            return Ok(true);
        }
        let now = || Ok((self.topology()?, self.each(&since.topology)?));
        match now() {
            Ok((topology, each)) => Ok(topology != since.topology || each != since.each),
            Err(error) if Self::is_gone(&error) => Ok(true),
            Err(error) => Err(error),
        }
    }

    #[track_caller]
    fn each(&self, topology: &Topology) -> Result<Vec<(Process, Account)>> {
        topology.nodes.iter().map(|node| Ok((self.process(node)?, S::account(self, node)?))).collect()
    }

    /// The process of a server that answers now.
    #[track_caller]
    fn process(&self, node: &Node) -> Result<Process> {
        let info = self.ask(Request::to_node("INFO", node).arg("server"), text)?;
        Ok(info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap_or_default().to_string())
    }
}
