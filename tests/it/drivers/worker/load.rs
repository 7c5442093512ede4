//! Workers that are killed while calls come: only calls that they had are lost, and none is made twice.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::Relaxed},
    },
    time::Instant,
};

use tokio::time::sleep;

use super::*;
use crate::support::{client::Connection, in_time, plugins::build_go, until};

/// Connections that ask without a pause.
const CLIENTS: usize = 8;
/// Workers that are killed, all in all, and how long one of those that are up serves on.
const KILLS: usize = 100;
const EVERY: Duration = Duration::from_millis(100);

/// A Python hook that does what the Go fixture `trace` does.
const TRACE: &str = "
file = None
@Hook
def Trace(request, session, spec):
    global file
    if file is None:
        file = os.open(request.get_header('X-Trace'), os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644)
    id = request.get_header('X-Id')
    os.write(file, b'begin %s\\n' % id.encode())
    time.sleep(0.001)
    os.write(file, b'end %s\\n' % id.encode())
    request.object.return_overrides.response_code = 200
    request.object.return_overrides.response_body = str(os.getpid())
    return request, session
";

/// A request and what came of it.
struct Asked {
    id: u32,
    sent: Instant,
    answered: Instant,
    good: bool,
}

/// What clients share.
#[derive(Default)]
struct Load {
    last_id: AtomicU32,
    /// The process that answered last.
    process: AtomicI32,
    end: AtomicBool,
    asked: Mutex<Vec<Asked>>,
}

impl Load {
    /// Asks over one connection until it is over.
    async fn client(self: Arc<Self>, address: std::net::SocketAddr, trace: PathBuf) {
        let mut connection = Connection::open(address).await;
        while !self.end.load(Relaxed) {
            let id = self.last_id.fetch_add(1, Relaxed) + 1;
            let sent = Instant::now();
            let trace = trace.display();
            connection
                .send(format!("GET /trace/ HTTP/1.1\r\nHost: h\r\nX-Id: {id}\r\nX-Trace: {trace}\r\n\r\n"))
                .await;
            let answer = connection.response().await;
            let good = match answer.status {
                200 => true,
                500 => false,
                other => panic!("{other}: {}", answer.text()),
            };
            if good {
                self.process.store(answer.text().parse().unwrap(), Relaxed);
            }
            self.asked.lock().unwrap().push(Asked { id, sent, answered: Instant::now(), good });
        }
    }

    /// A process that takes calls and is not among these.
    async fn victim(&self, killed: &HashSet<i32>) -> Pid {
        until("a new worker", async || {
            let process = self.process.load(Relaxed);
            process != 0 && !killed.contains(&process)
        })
        .await;
        Pid::from_raw(self.process.load(Relaxed)).unwrap()
    }
}

/// Kills workers under load; `lost` is how many calls one that dies may have.
#[expect(clippy::print_stdout, reason = "the figures are for whoever runs it with --nocapture")]
async fn kills(name: &str, gateway: Gateway, lost: usize) {
    let trace = tempfile::tempdir().unwrap();
    let trace = trace.path().join("trace");
    let load = Arc::<Load>::default();
    let clients: Vec<_> =
        (0..CLIENTS).map(|_| tokio::spawn(load.clone().client(gateway.address(), trace.clone()))).collect();
    let (mut dead, mut killed) = (Vec::new(), HashSet::new());
    for _ in 0..KILLS {
        let victim = load.victim(&killed).await;
        sleep(EVERY).await;
        killed.insert(victim.as_raw_nonzero().get());
        let now = Instant::now();
        kill(victim);
        until("its end", async || is_gone(victim)).await;
        dead.push((now, Instant::now()));
    }
    load.victim(&killed).await;
    load.end.store(true, Relaxed);
    for client in clients {
        in_time("the clients", client).await.unwrap();
    }
    let asked = std::mem::take(&mut *load.asked.lock().unwrap());
    let bad = asked.iter().filter(|one| !one.good).count();
    let mut gaps: Vec<_> = dead.iter().map(|(killed, _)| back_after(*killed, &asked)).collect();
    gaps.sort();
    let (usual, longest) = (gaps[KILLS / 2], gaps[KILLS - 1]);
    println!("{name}: {KILLS} kills, {} requests, {bad} failed, longest gap {longest:?}", asked.len());

    // Other tests run at the same time, compilers among them: a process may wait long for a processor.
    assert!(usual < SOON, "{gaps:?}");
    assert!(bad <= KILLS * lost, "{bad} calls failed by {KILLS} kills");
    let runs = runs(&trace);
    for one in &asked {
        let (begun, ended) = runs.get(&one.id).copied().unwrap_or_default();
        if one.good {
            assert_eq!((begun, ended), (1, 1), "{} was answered", one.id);
        } else {
            assert!(begun <= 1, "{} failed and was made {begun} times", one.id);
            let in_flight = dead.iter().any(|(before, after)| one.sent <= *after && *before <= one.answered);
            assert!(in_flight, "{} failed while no worker died", one.id);
        }
    }
    assert_eq!(metric(&gateway, "pinhook_worker_restarts_total"), Some(KILLS as f64));
    assert_eq!(metric(&gateway, "pinhook_worker_calls_in_flight"), Some(0.0));
    assert_eq!(metric(&gateway, "pinhook_worker_calls_waiting"), Some(0.0));
}

/// How long after a moment the first request that was sent later got its answer.
fn back_after(moment: Instant, asked: &[Asked]) -> Duration {
    let later = asked.iter().filter(|one| one.good && one.sent > moment);
    later.map(|one| one.answered - moment).min().unwrap()
}

/// How often each call began and ended.
fn runs(trace: &Path) -> HashMap<u32, (u32, u32)> {
    let mut runs = HashMap::<u32, (u32, u32)>::new();
    for line in fs::read_to_string(trace).unwrap().lines() {
        let (what, id) = line.split_once(' ').unwrap();
        let (begun, ended) = runs.entry(id.parse().unwrap()).or_default();
        match what {
            "begin" => *begun += 1,
            _ => *ended += 1,
        }
    }
    runs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_kills_of_python_workers_cost_the_calls_that_they_had() {
    let upstream = Upstream::named("up").await;
    let builder = gateway(2).file("plugin.py", format!("{START}{TRACE}"));
    let file = builder.folder().join("plugin.py");
    let definition = hooked("trace", &upstream, "pre", entry(&file, "Trace"));
    // One at a time: what it got ahead goes to the next.
    kills("python, 2 workers", builder.api(definition).start().await, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_kills_of_a_go_worker_cost_the_calls_that_it_had() {
    let upstream = Upstream::named("up").await;
    let definition = api("trace").target(&upstream).set("custom_middleware.driver", "goplugin").hook(
        "pre",
        &build_go("tests/fixtures/go/trace"),
        "Trace",
    );
    kills("go, 1 worker", Gateway::build().api(definition).start().await, CLIENTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_outlive_their_time_limit_while_no_worker_is_there() {
    let upstream = Upstream::named("up").await;
    let slow = "if os.path.exists(__file__ + '.slow'):\n    time.sleep(0.8)\n";
    let gateway = with_plugin(1, &upstream, slow, &[]).await;
    gateway.write("plugin.py.slow", "");
    let victim = worker(&gateway).await;
    kill(victim);
    // Its limit is 500 ms, and the next process takes 800 to load.
    let answer = get(&gateway, "/say/").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
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
