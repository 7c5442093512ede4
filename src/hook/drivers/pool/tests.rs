use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize},
        mpsc,
    },
    thread::sleep,
};

use super::*;

/// A task made of a closure.
struct Work {
    deadline: Instant,
    abandoned: Arc<AtomicBool>,
    run: Box<dyn FnOnce() + Send>,
}

impl Task for Work {
    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn is_abandoned(&self) -> bool {
        self.abandoned.load(Relaxed)
    }

    fn run(self) {
        (self.run)();
    }
}

fn work(limit: Duration, run: impl FnOnce() + Send + 'static) -> Work {
    Work { deadline: Instant::now() + limit, abandoned: Arc::default(), run: Box::new(run) }
}

const LONG: Duration = Duration::from_secs(60);

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(1));
    }
}

/// Fills the pool with tasks that end when the sender goes.
fn occupy(pool: &Pool<Work>, count: usize, limit: Duration) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let started = Arc::new(Barrier::new(count + 1));
    for _ in 0..count {
        let (held, started) = (Arc::clone(&held), Arc::clone(&started));
        let task = work(limit, move || {
            started.wait();
            held.lock().unwrap().recv().ok();
        });
        assert!(pool.submit(task).is_ok());
    }
    started.wait();
    release
}

#[test]
fn every_task_runs_once_whoever_submits_it() {
    let pool = Arc::new(Pool::new("test", 4));
    let ran = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let ran = Arc::clone(&ran);
                    let task = work(LONG, move || {
                        ran.fetch_add(1, Relaxed);
                    });
                    assert!(pool.submit(task).is_ok());
                }
            });
        }
    });
    wait_until("all tasks", || ran.load(Relaxed) == 4000);
    assert!(pool.threads().0 <= 4);
}

#[test]
fn threads_start_on_demand_and_are_used_again() {
    let pool = Pool::new("test", 8);
    assert_eq!(pool.threads(), (0, 0));
    for _ in 0..20 {
        let (done, waits) = mpsc::channel();
        assert!(pool.submit(work(LONG, move || done.send(()).unwrap())).is_ok());
        waits.recv().unwrap();
        wait_until("the thread sleeps again", || pool.shared.lock().asleep > 0);
    }
    assert_eq!(pool.threads(), (1, 0), "one after the other needs one thread");
}

#[test]
fn a_call_over_its_limit_makes_its_thread_stuck_until_it_returns() {
    let pool = Pool::new("test", 2);
    let late = occupy(&pool, 1, Duration::ZERO);
    wait_until("stuck", || pool.threads() == (1, 1));
    drop(late);
    wait_until("free again", || pool.threads() == (1, 0));
}

#[test]
fn a_task_waits_while_threads_are_busy_and_fails_at_once_when_all_are_stuck() {
    let pool = Pool::new("test", 2);
    let busy = occupy(&pool, 1, LONG);
    let late = occupy(&pool, 1, Duration::ZERO);
    wait_until("one is stuck", || pool.threads() == (2, 1));
    let (done, waits) = mpsc::channel();
    assert!(pool.submit(work(LONG, move || done.send(()).unwrap())).is_ok(), "one thread will be free");
    assert!(waits.try_recv().is_err());
    drop(busy);
    waits.recv_timeout(Duration::from_secs(10)).unwrap();

    let late_too = occupy(&pool, 1, Duration::ZERO);
    wait_until("both are stuck", || pool.threads() == (2, 2));
    assert!(matches!(pool.submit(work(LONG, || ())), Err(Rejected::Stuck(_))));

    drop((late, late_too));
    wait_until("both are free", || pool.threads() == (2, 0));
    assert!(pool.submit(work(LONG, || ())).is_ok());
}

#[test]
fn the_queue_is_bounded() {
    let pool = Pool::new("test", 1);
    let _busy = occupy(&pool, 1, LONG);
    for _ in 0..MAX_WAITING {
        assert!(pool.submit(work(LONG, || ())).is_ok());
    }
    assert!(matches!(pool.submit(work(LONG, || ())), Err(Rejected::Full(_, MAX_WAITING))));
}

#[test]
fn what_nobody_waits_for_is_dropped_unrun() {
    let pool = Pool::new("test", 1);
    let busy = occupy(&pool, 1, LONG);
    let ran = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&ran);
    let task = work(LONG, move || mark.store(true, Relaxed));
    task.abandoned.store(true, Relaxed);
    assert!(pool.submit(task).is_ok());
    let (done, waits) = mpsc::channel();
    assert!(pool.submit(work(LONG, move || done.send(()).unwrap())).is_ok());
    drop(busy);
    waits.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(!ran.load(Relaxed));
}

#[test]
fn threads_end_with_the_pool() {
    let pool = Pool::new("test", 2);
    drop(occupy(&pool, 2, LONG));
    let shared = Arc::downgrade(&pool.shared);
    drop(pool);
    wait_until("the threads are gone", || shared.strong_count() == 0);
}
