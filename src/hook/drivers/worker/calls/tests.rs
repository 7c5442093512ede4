use std::sync::Arc;

use super::{
    super::{frame::Kind, load::Load, outage::Outages},
    *,
};
use crate::metrics::{Metrics, WorkerLabels};

const LIMIT: Duration = Duration::from_secs(5);

/// One worker's calls, with a clock of its own.
struct World {
    calls: Calls,
    load: Arc<Load>,
    now: Instant,
}

impl World {
    fn new(concurrent: bool) -> Self {
        let metrics = Metrics::new(true).unwrap();
        let labels = WorkerLabels { driver: "test", plugin: "p".into() };
        let mut calls = Calls::new();
        calls.start(concurrent);
        Self {
            calls,
            load: Arc::new(Load::new(Arc::new(Outages::new()), metrics.workers(labels))),
            now: Instant::now(),
        }
    }

    fn ask(&mut self, id: u32) -> oneshot::Receiver<Outcome> {
        let (reply, outcome) = oneshot::channel();
        self.calls.push(Box::new(Job {
            id,
            frame: Outgoing::bare(Kind::Call, id),
            since: self.now,
            limit: LIMIT,
            client: None,
            depth: 0,
            ticket: Ticket::new(&self.load),
            reply,
        }));
        outcome
    }

    /// How many frames the worker gets now.
    fn send(&mut self) -> usize {
        std::iter::from_fn(|| self.calls.next(self.now)).count()
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn end(&mut self, id: u32) -> bool {
        self.calls.end(id, self.now).is_some()
    }

    /// Has it end quick calls until it counts as quick.
    fn warm(&mut self) {
        for id in 1000..1050 {
            let _outcome = self.ask(id);
            self.send();
            assert!(self.end(id));
        }
    }
}

#[test]
fn a_worker_gets_a_few_ahead_while_calls_are_quick_and_one_while_they_are_slow() {
    let mut world = World::new(false);
    let waiting: Vec<_> = (1..20).map(|id| world.ask(id)).collect();
    assert_eq!(world.send(), 1, "nothing is known of it");
    drop(waiting);
    let mut world = World::new(false);
    world.warm();
    let _waiting: Vec<_> = (1..20).map(|id| world.ask(id)).collect();
    assert_eq!(world.send(), AHEAD);
    world.pass(Duration::from_millis(30));
    assert!(world.end(1));
    assert_eq!(world.send(), 0, "it is slow now");
    for id in 2..=AHEAD as u32 {
        assert!(world.end(id));
    }
    assert_eq!(world.send(), 1);
}

#[test]
fn one_whose_calls_overlap_gets_all() {
    let mut world = World::new(true);
    let _waiting: Vec<_> = (1..=100).map(|id| world.ask(id)).collect();
    assert_eq!(world.send(), 100);
}

#[test]
fn what_nobody_waits_for_is_not_sent_and_what_was_sent_is_cancelled() {
    let mut world = World::new(true);
    drop(world.ask(1));
    let second = world.ask(2);
    assert_eq!(world.send(), 1);
    drop(second);
    assert_eq!(world.calls.look(world.now).cancelled, [2]);
    assert!(world.calls.look(world.now).cancelled.is_empty(), "once is enough");
}

#[test]
fn the_call_that_runs_hangs_and_not_those_behind_it() {
    let mut world = World::new(false);
    world.warm();
    let _outcomes = [world.ask(1), world.ask(2)];
    world.send();
    world.pass(LIMIT - Duration::from_secs(1));
    assert!(world.end(1));
    world.pass(Duration::from_secs(2));
    assert!(!world.calls.look(world.now).hung, "the second has run for two seconds");
    world.pass(LIMIT);
    assert!(world.calls.look(world.now).hung);
}

#[test]
fn one_whose_calls_overlap_hangs_when_all_do() {
    let mut world = World::new(true);
    let first = world.ask(1);
    world.send();
    world.pass(LIMIT);
    let second = world.ask(2);
    world.send();
    world.pass(Duration::from_secs(1));
    assert!(!world.calls.look(world.now).hung);
    world.pass(LIMIT);
    assert!(world.calls.look(world.now).hung);
    drop((first, second));
}

#[test]
fn a_parked_call_neither_hangs_nor_holds_up_others() {
    let mut world = World::new(false);
    let _outcomes = [world.ask(1), world.ask(2)];
    assert_eq!(world.send(), 1);
    world.calls.park(1, world.now);
    assert_eq!(world.send(), 1);
    assert!(world.end(2));
    world.pass(LIMIT * 2);
    assert!(!world.calls.look(world.now).hung);
    world.calls.resume(1, world.now);
    assert!(world.end(1));
    assert!(!world.calls.busy());
}

#[test]
fn a_death_costs_the_calls_that_had_begun() {
    let mut world = World::new(false);
    world.warm();
    let mut outcomes: Vec<_> = (1..=5).map(|id| world.ask(id)).collect();
    world.send();
    world.calls.park(1, world.now);
    world.calls.resume(1, world.now);
    world.calls.died();
    let failed: Vec<bool> =
        outcomes.iter_mut().map(|outcome| matches!(outcome.try_recv(), Ok(Outcome::Ended))).collect();
    assert_eq!(failed, [true, true, false, false, false], "1 was resumed, 2 ran");
    world.calls.start(false);
    world.run_the_rest();
    assert_eq!(world.calls.waiting(), 0);
}

impl World {
    /// Runs what waits, one by one, in order.
    fn run_the_rest(&mut self) {
        for id in 3..=5 {
            self.send();
            assert!(self.end(id), "{id}");
        }
    }
}

#[test]
fn a_call_that_never_reached_the_dead_waits_again() {
    for concurrent in [false, true] {
        let mut world = World::new(concurrent);
        if !concurrent {
            world.warm();
        }
        let mut outcomes: Vec<_> = (1..=4).map(|id| world.ask(id)).collect();
        assert_eq!(world.send(), 4);
        world.calls.unsent([2, 3, 4].into_iter());
        world.calls.died();
        let failed: Vec<bool> =
            outcomes.iter_mut().map(|outcome| matches!(outcome.try_recv(), Ok(Outcome::Ended))).collect();
        assert_eq!(failed, [true, false, false, false]);
        let ids: Vec<u32> = world.calls.take_waiting().iter().map(|job| job.id).collect();
        assert_eq!(ids, [2, 3, 4]);
    }
}

#[test]
fn those_behind_a_slow_call_may_go_elsewhere() {
    let mut world = World::new(false);
    let _outcomes = [world.ask(1), world.ask(2), world.ask(3)];
    world.send();
    assert!(!world.calls.held_up(world.now));
    world.pass(SLOW * 2);
    assert!(world.calls.held_up(world.now));
    let ids: Vec<u32> = world.calls.take_waiting().iter().map(|job| job.id).collect();
    assert_eq!(ids, [2, 3]);
    assert_eq!(world.calls.waiting(), 0);
}
