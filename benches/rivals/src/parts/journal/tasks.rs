//! Tasks of one thread that set a value and await its sync, and as much of an executor as they need.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use hashlet::Durable;

use super::calls::Ring;
use crate::data::Data;
use crate::support::random::Random;
use crate::support::rival::Rival;
use crate::support::workload::SEED;

const TASKS: usize = 64;
const SETS: usize = 100;

/// The synced sets a second of all tasks.
pub(super) fn rate(store: &Durable, data: &Data, time: Duration) -> f64 {
    let mut random = Random::new(SEED);
    let mut rings: Vec<Ring> = (0..TASKS).map(|_| Ring::draw(data, (SETS, 1), &mut random)).collect();
    let sets = std::cell::Cell::new(0);
    let start = Instant::now();
    let task = |ring| -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(async {
            let ring: &mut Ring = ring;
            while start.elapsed() < time {
                ring.do_next(|[key, field, value]| Rival::set(&**store, key, field, value));
                store.synced().await.expect("a disk that takes it");
                sets.set(sets.get() + 1);
            }
        })
    };
    run(rings.iter_mut().map(task).collect());
    f64::from(sets.get()) / start.elapsed().as_secs_f64()
}

/// The tasks that can go on, and the thread that runs them.
struct Ready {
    tasks: Mutex<Vec<usize>>,
    thread: Thread,
}

struct Waking {
    task: usize,
    ready: Arc<Ready>,
}

impl Wake for Waking {
    fn wake(self: Arc<Self>) {
        self.ready.tasks.lock().expect("no panic before").push(self.task);
        self.ready.thread.unpark();
    }
}

/// Runs tasks on this thread until all have ended.
fn run<'a>(tasks: Vec<Pin<Box<dyn Future<Output = ()> + 'a>>>) {
    let ready = Arc::new(Ready { tasks: Mutex::new((0..tasks.len()).collect()), thread: thread::current() });
    let with_waker = |(task, future)| (Some(future), Waker::from(Arc::new(Waking { task, ready: Arc::clone(&ready) })));
    let mut tasks: Vec<(Option<_>, Waker)> = tasks.into_iter().enumerate().map(with_waker).collect();
    let mut left = tasks.len();
    while left > 0 {
        let now = std::mem::take(&mut *ready.tasks.lock().expect("no panic before"));
        if now.is_empty() {
            thread::park();
        }
        for task in now {
            let (future, waker) = &mut tasks[task];
            let Some(running) = future else { continue };
            if running.as_mut().poll(&mut Context::from_waker(waker)).is_ready() {
                *future = None;
                left -= 1;
            }
        }
    }
}
