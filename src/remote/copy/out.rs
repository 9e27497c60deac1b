//! From a store to servers: the records of a save, as commands in pipelines, one for each server. Which server a key is on is
//! known from the beginning. What has moved since then is sent again, and the servers are asked anew.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use redis::cluster_routing::Slot;

use super::sealed::Which;
use super::{CopyError, CopyOptions, CopyReport, CopyTarget};
use crate::hash::{Pair, Record};
use crate::options::Rules;
use crate::remote::RemoteError;
use crate::remote::call::Caller;
use crate::remote::deadline::LATEST;
use crate::remote::pipeline::Pipeline;
use crate::remote::servers::{Servers, Topology};
use crate::store::Store;
use crate::sync::assert_outside_closures;
use crate::time::Deadline;

/// A pipeline is sent when it has this many bytes.
const PIPELINE_BYTES: usize = 128 << 10;
/// The most fields of one command.
const FIELDS: usize = 500;

/// # Copies
/// From a store to a Redis or Valkey server, and back. See the guide:
/// [`guide::outgrowing`](crate::guide::outgrowing).
impl Store {
    /// Copies all hashes with all deadlines to a server or a cluster, as they were at one instant during the call. Other threads
    /// can read and write meanwhile. What is there under the same keys is replaced, everything else there stays. O(n).
    ///
    /// Memory: about 128 KiB for each primary, a copy of the largest hash, and what a [`save`](Self::save) takes while others write.
    /// Each hash is copied in a few commands, so somebody who reads the server meanwhile may see a part of it. Nobody
    /// should write these keys on the server before the copy has ended: if a connection is lost, about the last 128 KiB of
    /// commands are repeated, the removal of what was there among them, and what others have just written is lost. If a
    /// primary of a cluster dies meanwhile, what was copied to it may be lost, and [`CopyReport::topology_changed`] is `true`.
    ///
    /// ```no_run
    /// use hashlet::{CopyOptions, Remote, Store};
    ///
    /// let store = Store::load("data.hashlet")?;
    /// let server = Remote::open("redis://127.0.0.1/")?;
    /// let report = store.copy_to(&server, CopyOptions::new())?;
    /// println!("{} hashes in {:?}", report.keys, report.duration);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`CopyError::Remote`] if the server cannot be reached or refuses, or if a single server was restarted or another one
    /// has taken its place, which may have lost what was copied. Then the last hashes on the server may be there in part, or
    /// without their deadlines. [`CopyError::TooLate`] for a deadline that it cannot hold. [`CopyError::Busy`] if the store is
    /// being saved or copied already.
    ///
    /// # Locking
    /// As [`save_to`](Self::save_to).
    #[track_caller]
    pub fn copy_to(&self, to: &impl CopyTarget, options: CopyOptions<'_>) -> Result<CopyReport, CopyError> {
        match to.which() {
            Which::Remote(remote) => self.copy_out(remote.caller(), options),
            Which::Cluster(cluster) => self.copy_out(cluster.caller(), options),
        }
    }

    #[track_caller]
    fn copy_out<S: Servers>(&self, to: &Caller<S>, mut options: CopyOptions<'_>) -> Result<CopyReport, CopyError> {
        assert_outside_closures();
        let (begin, state) = (Instant::now(), to.state()?);
        let mut out = Out::new(to, &state.topology);
        let copied = self.save_records(|records, expected_keys| {
            for record in records {
                out.write(&record, &self.rules)?;
            }
            options.tell(&out.report, expected_keys);
            Ok::<_, CopyError>(())
        });
        // A save without a file fails only if there is one already.
        copied.map_err(|_| CopyError::Busy)??;
        (0..out.pipelines.len()).try_for_each(|at| out.send(at))?;
        let topology_changed = to.has_changed(&state)?;
        if topology_changed && !S::SPLITS_KEYS {
            return Err(RemoteError::replaced().into()); // it may have lost what was acknowledged
        }
        options.tell(&out.report, out.report.keys);
        Ok(CopyReport { duration: begin.elapsed(), topology_changed, ..out.report })
    }
}

/// Records on their way to servers.
struct Out<'a, S: Servers> {
    to: &'a Caller<S>,
    places: HashMap<Slot, usize>,
    /// One for each server.
    pipelines: Vec<Pipeline>,
    report: CopyReport,
}

impl<'a, S: Servers> Out<'a, S> {
    fn new(to: &'a Caller<S>, topology: &Topology) -> Self {
        let pipelines = topology.nodes.iter().map(|_| Pipeline::default()).collect();
        Self { to, places: topology.places(), pipelines, report: CopyReport::default() }
    }

    /// Adds the commands for a record, and sends a pipeline whenever it is long enough.
    fn write(&mut self, record: &Record, rules: &Rules) -> Result<(), CopyError> {
        let key = record.key();
        let mut timed: BTreeMap<u64, Vec<&[u8]>> = BTreeMap::new();
        for (field, deadline) in record.timed_fields(rules) {
            timed.entry(deadline.millis().unwrap_or(u64::MAX)).or_default().push(field);
        }
        let key_deadline = record.deadline();
        let latest =
            timed.last_key_value().map(|(deadline, _)| *deadline).into_iter().chain(key_deadline.millis()).max();
        if latest.is_some_and(|latest| latest > LATEST) {
            return Err(CopyError::TooLate { key: key.to_vec() });
        }
        // A slot that nobody holds may get a server meanwhile. Any server tells which.
        let place = if S::SPLITS_KEYS { self.places.get(&Slot::for_key(key)).copied() } else { None };
        let at = place.unwrap_or(0);
        self.pipelines[at].command(&[b"UNLINK", key]);
        let (mut pairs, mut bytes) = (record.pairs(rules), 0);
        loop {
            let some: Vec<Pair<'_>> = pairs.by_ref().take(FIELDS).collect();
            if some.is_empty() {
                break;
            }
            bytes += some.iter().map(|(field, value)| field.len() + value.len()).sum::<usize>();
            let pipeline = &mut self.pipelines[at];
            pipeline.begin(2 + 2 * some.len());
            pipeline.words(&[b"HSET", key]);
            some.iter().for_each(|(field, value)| pipeline.words(&[field, value]));
            self.send_if_long(at)?;
        }
        for (deadline, fields) in timed {
            for fields in fields.chunks(FIELDS) {
                let (deadline, count) = (deadline.to_string(), fields.len().to_string());
                let pipeline = &mut self.pipelines[at];
                pipeline.begin(5 + fields.len());
                pipeline.words(&[b"HPEXPIREAT", key, deadline.as_bytes(), b"FIELDS", count.as_bytes()]);
                pipeline.words(fields);
                self.send_if_long(at)?;
            }
        }
        if key_deadline != Deadline::NEVER {
            let deadline = key_deadline.millis().unwrap_or(LATEST).to_string();
            self.pipelines[at].command(&[b"PEXPIREAT", key, deadline.as_bytes()]);
        }
        self.report.count(key, record.len(), bytes);
        self.send_if_long(at)
    }

    fn send_if_long(&mut self, at: usize) -> Result<(), CopyError> {
        if self.pipelines[at].len() >= PIPELINE_BYTES { self.send(at) } else { Ok(()) }
    }

    fn send(&mut self, at: usize) -> Result<(), CopyError> {
        if !self.to.send(&mut self.pipelines[at])? {
            // The commands that wait in the other pipelines find their ways as these did.
            self.ask_anew()?;
        }
        Ok(())
    }

    /// Asks which server holds which keys now.
    fn ask_anew(&mut self) -> Result<(), CopyError> {
        let topology = self.to.topology()?;
        self.pipelines.resize_with(self.pipelines.len().max(topology.nodes.len()), Pipeline::default);
        self.places = topology.places();
        Ok(())
    }
}
