//! The promise of all calls that are one atomic step: linearizability (Herlihy and Wing, 1990). For each schedule there
//! is an order of the calls. Made one after the other in this order, they give the same answers and leave the same
//! contents. A call that had returned before another one began comes first.
//!
//! A plain store says what the calls answer one after the other. Other tests check that it answers a single thread
//! correctly. So no model has to list the expected answers, and they are the same for all shapes of a store.

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use shuttle::thread;

use super::explore::{alone, explore};
use super::scene::{Contents, Scene, Shape, contents};

/// Makes a call, and returns its answer as text.
pub(super) type Call = fn(&Scene) -> String;

pub(super) fn said(answer: impl Debug) -> String {
    format!("{answer:?}")
}

/// Explores these calls of each thread on stores of one shard and of two.
pub(super) fn assert_linear(set_up: fn(&Scene), threads: &'static [&'static [Call]]) {
    assert_linear_within(2, set_up, threads);
}

/// The same on one shard, for calls that are not one atomic step over several shards.
pub(super) fn assert_linear_on_one_shard(set_up: fn(&Scene), threads: &'static [&'static [Call]]) {
    assert_linear_within(1, set_up, threads);
}

fn assert_linear_within(max_shards: usize, set_up: fn(&Scene), threads: &'static [&'static [Call]]) {
    let orders = one_after_the_other(set_up, threads);
    explore(move || {
        let shape = Shape::draw(max_shards);
        let scene = Scene::of(shape);
        set_up(&scene);
        let ticks = AtomicUsize::new(0); // std's, so that shuttle does not switch threads here
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

/// A call that was made: its answer, and when it began and ended.
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

/// What is left after all calls.
#[derive(Debug, PartialEq)]
struct End {
    contents: Contents,
    /// What the listener was told about expired keys and fields, if there is a listener.
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

/// One order of the calls, with their answers and what they leave.
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

    /// Whether each call comes after all calls that had returned when it began.
    fn keeps_time(&self, made: &[Vec<Made>]) -> bool {
        let mut threads: Vec<_> = made.iter().map(|made| made.iter()).collect();
        let mut latest = 0;
        self.turns.iter().filter_map(|thread| threads[*thread].next()).all(|made| {
            latest = latest.max(made.begun);
            made.ended > latest
        })
    }
}

/// All orders in which the calls of each thread keep their own order.
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
