//! The one promise of all calls that are one atomic step: whatever the schedule, there is an order of the calls such that,
//! made one after the other in it, they give the same answers and leave the same (Herlihy and Wing's linearizability, 1990).
//! A call that had returned before another one began comes before it.
//!
//! What they give one after the other is asked of a store, too, a plain one: that a single thread is answered rightly is
//! tested elsewhere. So nothing has to be foreseen here, and the answers are the same for all shapes of a store.

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use shuttle::thread;

use super::explore::{alone, explore};
use super::scene::{Contents, Scene, Shape, contents};

/// A call, and how its answer reads.
pub(super) type Call = fn(&Scene) -> String;

pub(super) fn said(answer: impl Debug) -> String {
    format!("{answer:?}")
}

/// Explores these calls of each thread on stores of one shard and of two.
pub(super) fn assert_linear(set_up: fn(&Scene), threads: &'static [&'static [Call]]) {
    assert_linear_within(2, set_up, threads);
}

/// The same on one shard, for calls that are no atomic step over several.
pub(super) fn assert_linear_on_one_shard(set_up: fn(&Scene), threads: &'static [&'static [Call]]) {
    assert_linear_within(1, set_up, threads);
}

fn assert_linear_within(max_shards: usize, set_up: fn(&Scene), threads: &'static [&'static [Call]]) {
    let orders = one_after_the_other(set_up, threads);
    explore(move || {
        let shape = Shape::draw(max_shards);
        let scene = Scene::of(shape);
        set_up(&scene);
        let ticks = AtomicUsize::new(0); // the system's, at which no other thread goes on
        let made: Vec<Vec<Made>> = thread::scope(|scope| {
            let make = |calls: &'static [Call]| calls.iter().map(|call| Made::now(*call, &scene, &ticks)).collect();
            let threads: Vec<_> = threads.iter().map(|calls| scope.spawn(move || make(calls))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let end = End::of(&scene, shape);
        assert!(
            orders.iter().any(|order| order.explains(&made, &end)),
            "no order of the calls explains {made:#?} and in the end {end:#?} on {shape:?}"
        );
    });
}

/// A call that was made, and when.
#[derive(Debug)]
struct Made {
    answer: String,
    begun: usize,
    ended: usize,
}

impl Made {
    fn now(call: Call, scene: &Scene, ticks: &AtomicUsize) -> Self {
        let begun = ticks.fetch_add(1, Relaxed);
        let answer = call(scene);
        Self { answer, begun, ended: ticks.fetch_add(1, Relaxed) }
    }
}

/// What is left when all calls are made.
#[derive(Debug, PartialEq)]
struct End {
    contents: Contents,
    /// Of what has expired, if somebody listens.
    told: Option<Vec<String>>,
}

impl End {
    fn of(scene: &Scene, shape: Shape) -> Self {
        scene.purge_expired(usize::MAX);
        scene.validate();
        let contents = contents(scene);
        let stats = scene.stats();
        let fields = contents.values().map(|(_, fields)| fields.len()).sum::<usize>();
        assert_eq!((stats.keys, stats.fields, stats.lost), (contents.len(), fields, 0));
        Self { contents, told: shape.is_listened_to.then(|| scene.told()) }
    }
}

/// One order of the calls, and what comes of it.
struct Order {
    /// The thread of each call.
    turns: Vec<usize>,
    answers: Vec<Vec<String>>,
    end: End,
}

impl Order {
    fn of(turns: Vec<usize>, set_up: fn(&Scene), threads: &[&[Call]]) -> Self {
        let scene = Scene::of(Shape::PLAIN);
        set_up(&scene);
        let mut answers = vec![Vec::new(); threads.len()];
        for &thread in &turns {
            let call = threads[thread][answers[thread].len()];
            answers[thread].push(call(&scene));
        }
        Self { turns, answers, end: End::of(&scene, Shape::PLAIN) }
    }

    fn explains(&self, made: &[Vec<Made>], end: &End) -> bool {
        let mut pairs = self.answers.iter().flatten().zip(made.iter().flatten());
        pairs.all(|(answer, made)| *answer == made.answer)
            && self.end.contents == end.contents
            && (end.told.is_none() || self.end.told == end.told)
            && self.keeps_time(made)
    }

    /// Whether no call comes before one that had returned when it began.
    fn keeps_time(&self, made: &[Vec<Made>]) -> bool {
        let mut threads: Vec<_> = made.iter().map(|made| made.iter()).collect();
        let mut latest = 0;
        self.turns.iter().filter_map(|thread| threads[*thread].next()).all(|made| {
            latest = latest.max(made.begun);
            made.ended > latest
        })
    }
}

/// All orders that keep each thread's own, with what they give.
fn one_after_the_other(set_up: fn(&Scene), threads: &'static [&'static [Call]]) -> Arc<Vec<Order>> {
    let orders = Arc::new(Mutex::new(Vec::new()));
    let found = Arc::clone(&orders);
    alone(move || {
        let left: Vec<usize> = threads.iter().map(|calls| calls.len()).collect();
        let mut all = Vec::new();
        interleave(&left, &mut Vec::new(), &mut all);
        *found.lock().unwrap() = all.into_iter().map(|turns| Order::of(turns, set_up, threads)).collect();
    });
    let orders = std::mem::take(&mut *orders.lock().unwrap());
    Arc::new(orders)
}

/// All ways to take turns until each thread has made its calls.
fn interleave(left: &[usize], turns: &mut Vec<usize>, all: &mut Vec<Vec<usize>>) {
    if left.iter().all(|calls| *calls == 0) {
        all.push(turns.clone());
    }
    for thread in (0..left.len()).filter(|thread| left[*thread] > 0) {
        let mut left = left.to_owned();
        left[thread] -= 1;
        turns.push(thread);
        interleave(&left, turns, all);
        turns.pop();
    }
}
