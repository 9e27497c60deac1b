//! A round: a fresh store and an emptied server, the thresholds of both, and some thousand commands in batches.

use std::fmt;

use hashlet::Store;

use super::answer::{Answer, Reading, Refusal};
use super::command::{Command, words};
use super::deviations::{DEVIATIONS, is_exact};
use super::expiry::Expiry;
use super::server::Server;
use crate::support::check;
use crate::support::config::tiny;
use crate::support::source::{Bytes, Source, mix};

const BATCHES: usize = 50;
const BATCH: usize = 100;
/// After this many batches, all keys and fields are compared.
const WHOLE: usize = 10;

/// A command that the store has executed, and the server has not yet.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) command: Command,
    /// The value of the field before an increment.
    pub(crate) before: Option<Bytes>,
    pub(crate) ours: Answer,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) commands: usize,
    /// How often a command met a hash in another encoding than the last command did.
    pub(crate) conversions: usize,
    /// How many float increments had to be the same to the last byte, and were.
    pub(crate) exact: usize,
    /// How many deadlines had to be the same to the millisecond, and were.
    pub(crate) deadlines: usize,
    /// How often each of [`DEVIATIONS`] was met.
    pub(crate) deviations: [usize; DEVIATIONS.len()],
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { commands, conversions, exact, deadlines, deviations } = self;
        write!(
            f,
            "{commands} commands, {conversions} conversions, {exact} exact sums, {deadlines} exact deadlines, deviations \
             {deviations:?}"
        )
    }
}

#[derive(Debug)]
pub(crate) struct Round {
    seed: u64,
    low: bool,
    source: Source<'static>,
    store: Store,
    steps: Vec<Step>,
}

impl Round {
    /// Every other seed has low thresholds.
    pub(crate) fn new(seed: u64) -> Self {
        let mut source = Source::Seed(mix(seed));
        let low = seed % 2 == 1;
        let builder = Store::builder().shards(source.one_of(&[1, 64]));
        let builder = if low { builder.thresholds(tiny()) } else { builder };
        let store = check::seeded(builder, source.below(256) as u64).build();
        Self { seed, low, source, store, steps: Vec::new() }
    }

    pub(crate) fn run(mut self, server: &mut Server, tally: &mut Tally) {
        let (entries, value) = if self.low { (3, 8) } else { (128, 64) };
        server.start_over(entries, value);
        for batch in 1..=BATCHES {
            let done = self.steps.len();
            for _ in 0..BATCH {
                let command = Command::decode(&mut self.source);
                self.carry_out(command, tally);
            }
            if batch % WHOLE == 0 {
                let keys = self.store.keys();
                self.carry_out(Command::Keys, tally);
                self.carry_out(Command::KeyCount, tally);
                for key in keys {
                    let fields = self.store.fields(&key).into_iter().map(Bytes).collect();
                    let key = Bytes(key);
                    self.carry_out(Command::GetAll(key.clone()), tally);
                    self.carry_out(Expiry::deadline(key.clone(), None), tally);
                    self.carry_out(Expiry::deadline(key, Some(fields)), tally);
                }
            }
            self.compare(done, server, tally);
        }
        tally.commands += self.steps.len();
        check::store(&self.store);
    }

    fn carry_out(&mut self, command: Command, tally: &mut Tally) {
        let encoding = |store: &Store| command.key().and_then(|key| store.encoding(key));
        let encoding_before = encoding(&self.store);
        let before = match &command {
            Command::Increment(key, field, _) | Command::IncrementFloat(key, field, _) => {
                self.store.get(key, field).map(Bytes)
            }
            _ => None,
        };
        let ours = command.on(&self.store);
        let encoding_after = encoding(&self.store);
        tally.conversions +=
            usize::from(encoding_before.is_some() && encoding_after.is_some() && encoding_before != encoding_after);
        self.steps.push(Step { command, before, ours });
    }

    /// Sends the steps from `first` on to the server, each with its repair, and compares the answers.
    fn compare(&self, first: usize, server: &mut Server, tally: &mut Tally) {
        let mut batch = server.batch();
        for step in &self.steps[first..] {
            batch.add(&step.command.words().0);
            if let Some(repair) = step.repair() {
                batch.add(&repair);
            }
        }
        let mut replies = batch.send().into_iter();
        for (at, step) in self.steps.iter().enumerate().skip(first) {
            let reply = replies.next().expect("one for each command");
            let theirs = Answer::read(reply, step.command.words().1);
            if step.repair().is_some() {
                let repaired = Answer::read(replies.next().expect("one for each repair"), Reading::Plain);
                assert!(!matches!(repaired, Answer::Refused(_)), "{}", self.report(at, &repaired, server));
            }
            if theirs == step.ours {
                tally.exact += usize::from(is_exact(step));
                tally.deadlines += step.ours.exact_times();
                continue;
            }
            let explanation = DEVIATIONS.iter().position(|deviation| (deviation.explains)(step, &theirs));
            match explanation {
                Some(deviation) if !is_exact(step) => tally.deviations[deviation] += 1,
                _ => panic!("{}", self.report(at, &theirs, server)),
            }
        }
    }

    fn report(&self, at: usize, theirs: &Answer, server: &Server) -> String {
        let Self { seed, low, steps, .. } = self;
        let Step { command, before, ours } = &steps[at];
        let concerns = |step: &&Step| {
            let shared = step.command.keys().iter().any(|key| command.keys().contains(key));
            shared || matches!(step.command, Command::ClearAll)
        };
        let mut last: Vec<&Step> = steps[..at].iter().rev().filter(concerns).take(8).collect();
        last.reverse();
        let last: Vec<String> =
            last.iter().map(|step| format!("    {:?} -> {:?}\n", step.command, step.ours)).collect();
        format!(
            "an unexplained difference at command {at}, thresholds {}:\n  {command:?}\n  value before: {before:?}\n  \
             hashlet: {ours:?}\n  {}: {theirs:?}\nbefore it, on the same keys:\n{}to see it again: HASHLET_SEED={seed} \
             {}=<socket> cargo test --features testing --test suite differential::",
            if *low { "low" } else { "usual" },
            server.name,
            last.concat(),
            server.variable,
        )
    }
}

impl Step {
    /// The command that gives the server the store's value where the two may differ. The value is taken from the
    /// store's answer, not from the store, so that a store that wrote something else is detected.
    fn repair(&self) -> Option<Vec<Bytes>> {
        if self.ours == Answer::Refused(Refusal::TooLong) {
            return self.command.key().map(|key| words("DEL", [key]));
        }
        let Command::IncrementFloat(key, field, _) = &self.command else { return None };
        if is_exact(self) {
            return None;
        }
        let value = match &self.ours {
            Answer::Value(sum) => sum.as_ref(),
            _ => self.before.as_ref(),
        };
        Some(match value {
            // HSET would remove the field's deadline.
            Some(value) => words("HSETEX", [key, &"KEEPTTL".into(), &"FIELDS".into(), &"1".into(), field, value]),
            None => words("HDEL", [key, field]),
        })
    }
}
