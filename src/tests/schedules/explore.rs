//! The schedulers, and how a failure is found again.

use std::env;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner};

use crate::snapshot::tests::scaled;

const RANDOM_SCHEDULES: usize = 20_000;
const PCT_SCHEDULES: usize = 5_000;
/// The depth of probabilistic concurrency testing: one more than the changes of priority in a schedule. Most mistakes
/// need no more.
const PCT_DEPTH: usize = 3;

type Model = Arc<dyn Fn() + Send + Sync>;

/// Runs a model in all its schedules, or only in that of `HASHLET_SCHEDULE`.
pub(super) fn explore(model: impl Fn() + Send + Sync + 'static) {
    let model: Model = Arc::new(model);
    if let Ok(schedule) = env::var("HASHLET_SCHEDULE") {
        let schedule: String = schedule.split_whitespace().collect();
        return run(ReplayScheduler::new_from_encoded(&schedule), &model);
    }
    let seed = env::var("HASHLET_SEED").map_or_else(|_| RandomState::new().hash_one(0), |text| text.parse().unwrap());
    let _told = ToldOnFailure(seed);
    run(RandomScheduler::new_from_seed(seed, scaled(RANDOM_SCHEDULES)), &model);
    run(PctScheduler::new_from_seed(seed, PCT_DEPTH, scaled(PCT_SCHEDULES)), &model);
}

/// Runs something once, in one thread.
pub(super) fn alone(work: impl Fn() + Send + Sync + 'static) {
    let work: Model = Arc::new(work);
    run(RandomScheduler::new_from_seed(0, 1), &work);
}

fn run(scheduler: impl Scheduler + 'static, model: &Model) {
    let mut config = Config::new();
    config.stack_size = 1 << 20;
    config.max_steps = MaxSteps::FailAfter(10_000_000); // only threads that wait for each other for ever take so many
    config.silence_warnings = true; // the module's documentation mentions what they warn of
    let model = Arc::clone(model);
    Runner::new(scheduler, config).run(move || model());
}

/// Prints the seed if the model fails.
struct ToldOnFailure(u64);

impl Drop for ToldOnFailure {
    #[allow(clippy::print_stderr, reason = "the test harness shows it beneath the failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let thread = std::thread::current();
            let name = thread.name().and_then(|name| name.strip_prefix("tests::schedules::")).unwrap_or("NAME");
            let scale =
                env::var("HASHLET_SCALE").map_or_else(|_| String::new(), |scale| format!("HASHLET_SCALE={scale} "));
            eprintln!("the same schedules again:\n    {scale}HASHLET_SEED={} .ci/schedules {name}", self.0);
            eprintln!(
                "the failing one alone:\n    HASHLET_SCHEDULE='the schedule that is printed above' .ci/schedules {name}"
            );
        }
    }
}
