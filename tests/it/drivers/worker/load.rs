//! Workers that are killed while calls come.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use super::*;
use crate::support::{client::Connection, in_time, until};

/// What clients got.
#[derive(Default)]
struct Tally {
    good: AtomicUsize,
    bad: AtomicUsize,
    end: AtomicBool,
}

/// Asks over one connection until the tally says that it is over.
async fn client(address: std::net::SocketAddr, tally: Arc<Tally>) {
    let mut connection = Connection::open(address).await;
    while !tally.end.load(Relaxed) {
        connection.send("GET /say/ HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let answer = connection.response().await;
        match answer.status {
            200 => tally.good.fetch_add(1, Relaxed),
            500 => tally.bad.fetch_add(1, Relaxed),
            other => panic!("{other}: {}", answer.text()),
        };
    }
}

/// Calls that a worker has at once, at most.
const AHEAD: usize = 4;
/// Kills.
const KILLS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_costs_the_calls_in_flight_and_service_is_back_within_a_second() {
    let upstream = Upstream::named("up").await;
    let gateway = with_plugin(2, &upstream, "", &[]).await;
    let tally = Arc::<Tally>::default();
    let clients: Vec<_> = (0..16).map(|_| tokio::spawn(client(gateway.address(), tally.clone()))).collect();
    for _ in 0..KILLS {
        let (good, victim) = (tally.good.load(Relaxed), worker(&gateway).await);
        kill(victim);
        let killed = Instant::now();
        until("more answers", async || tally.good.load(Relaxed) > good + 50).await;
        assert!(killed.elapsed() < SOON, "{:?}", killed.elapsed());
    }
    tally.end.store(true, Relaxed);
    for client in clients {
        in_time("the clients", client).await.unwrap();
    }
    let bad = tally.bad.load(Relaxed);
    assert!(bad <= KILLS * AHEAD, "{bad} calls failed by {KILLS} kills");
    assert_eq!(metric(&gateway, "pinhook_worker_calls_in_flight"), Some(0.0));
    assert_eq!(metric(&gateway, "pinhook_worker_calls_waiting"), Some(0.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_workers_killed_at_once_are_back_within_a_second() {
    let upstream = Upstream::named("up").await;
    let gateway = with_plugin(1, &upstream, "", &[]).await;
    for _ in 0..3 {
        kill(worker(&gateway).await);
        let killed = Instant::now();
        until("an answer", async || get(&gateway, "/say/").await.status == 200).await;
        assert!(killed.elapsed() < 2 * SOON, "{:?}", killed.elapsed());
    }
}
