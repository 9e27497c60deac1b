//! From a store to a server: the records of a save, as commands in pipelines.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{CopyError, CopyOptions, CopyReport, CopyTarget};
use crate::hash::{Pair, Record};
use crate::options::Rules;
use crate::remote::RemoteError;
use crate::remote::deadline::LATEST;
use crate::remote::pipeline::Pipeline;
use crate::store::Store;
use crate::time::Deadline;

/// A pipeline is sent when it has this many bytes.
const PIPELINE_BYTES: usize = 128 << 10;
/// The most fields of one command.
const FIELDS: usize = 500;

/// # Copies
/// From a store to a Redis or Valkey server, and back. See the guide:
/// [`guide::outgrowing`](crate::guide::outgrowing).
impl Store {
    /// Copies all hashes with all deadlines to a server, as they were at one instant during the call. Other threads can
    /// read and write meanwhile. What the server has under the same keys is replaced, everything else there stays. O(n).
    ///
    /// Memory: about 128 KiB, a copy of the largest hash, and what a [`save`](Self::save) takes while others write.
    /// Each hash is copied in a few commands, so somebody who reads the server meanwhile may see a part of it. Nobody
    /// should write these keys on the server before the copy has ended: if a connection is lost, about the last 128 KiB of
    /// commands are repeated, the removal of what was there among them, and what others have just written is lost.
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
    /// [`CopyError::Remote`] if the server cannot be reached or refuses, or if it was restarted or another one has taken its
    /// place, which may have lost what was copied. Then the last hashes on the server may be there in part, or without their
    /// deadlines. [`CopyError::TooLate`] for a deadline that it cannot hold. [`CopyError::Busy`] if the store is being saved
    /// or copied already.
    ///
    /// # Locking
    /// As [`save_to`](Self::save_to).
    #[track_caller]
    pub fn copy_to(&self, to: &impl CopyTarget, mut options: CopyOptions<'_>) -> Result<CopyReport, CopyError> {
        let (begin, remote) = (Instant::now(), to.remote());
        let (mut report, mut pipeline) = (CopyReport::default(), Pipeline::default());
        let process = remote.process()?;
        let copied = self.save_records(|records, expected_keys| {
            for record in records {
                write(&record, &self.rules, &mut pipeline, &mut report, |pipeline| remote.send(pipeline))?;
            }
            options.tell(&report, expected_keys);
            Ok::<_, CopyError>(())
        });
        // A save without a file fails only if there is one already.
        copied.map_err(|_| CopyError::Busy)??;
        remote.send(&mut pipeline)?;
        if remote.process()? != process {
            return Err(RemoteError::replaced().into()); // it may have lost what was acknowledged
        }
        options.tell(&report, report.keys);
        Ok(CopyReport { duration: begin.elapsed(), ..report })
    }
}

/// Adds the commands for a record, and sends the pipeline whenever it is long enough.
fn write(
    record: &Record,
    rules: &Rules,
    pipeline: &mut Pipeline,
    report: &mut CopyReport,
    mut send: impl FnMut(&mut Pipeline) -> Result<(), RemoteError>,
) -> Result<(), CopyError> {
    let key = record.key();
    let mut timed: BTreeMap<u64, Vec<&[u8]>> = BTreeMap::new();
    for (field, deadline) in record.timed_fields(rules) {
        timed.entry(deadline.millis().unwrap_or(u64::MAX)).or_default().push(field);
    }
    let key_deadline = record.deadline();
    let latest = timed.last_key_value().map(|(deadline, _)| *deadline).into_iter().chain(key_deadline.millis()).max();
    if latest.is_some_and(|latest| latest > LATEST) {
        return Err(CopyError::TooLate { key: key.to_vec() });
    }
    pipeline.command(&[b"UNLINK", key]);
    let (mut pairs, mut bytes) = (record.pairs(rules), 0);
    loop {
        let some: Vec<Pair<'_>> = pairs.by_ref().take(FIELDS).collect();
        if some.is_empty() {
            break;
        }
        bytes += some.iter().map(|(field, value)| field.len() + value.len()).sum::<usize>();
        pipeline.begin(2 + 2 * some.len());
        pipeline.words(&[b"HSET", key]);
        some.iter().for_each(|(field, value)| pipeline.words(&[field, value]));
        if pipeline.len() >= PIPELINE_BYTES {
            send(pipeline)?;
        }
    }
    for (deadline, fields) in timed {
        for fields in fields.chunks(FIELDS) {
            let (deadline, count) = (deadline.to_string(), fields.len().to_string());
            pipeline.begin(5 + fields.len());
            pipeline.words(&[b"HPEXPIREAT", key, deadline.as_bytes(), b"FIELDS", count.as_bytes()]);
            pipeline.words(fields);
            if pipeline.len() >= PIPELINE_BYTES {
                send(pipeline)?;
            }
        }
    }
    if key_deadline != Deadline::NEVER {
        let deadline = key_deadline.millis().unwrap_or(LATEST).to_string();
        pipeline.command(&[b"PEXPIREAT", key, deadline.as_bytes()]);
    }
    report.count(key, record.len(), bytes);
    if pipeline.len() >= PIPELINE_BYTES { Ok(send(pipeline)?) } else { Ok(()) }
}
