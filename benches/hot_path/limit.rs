//! Counting a request: a bucket has to cost well under a microsecond. `draw` is a rate alone, `quota` a rate and a quota
//! in the memory store; `keys` are as many keys in turn.

use std::{
    hint::black_box,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use criterion::{BenchmarkId, Criterion};
use pinhook::{
    cluster::Members,
    config::Config,
    limit::{Ask, Limiter, QuotaAsk, RateAsk, Run},
    store::MemoryStore,
};

pub(super) fn bench(criterion: &mut Criterion) {
    let config = Config::default();
    let members = Arc::new(Members::new(&config));
    let limiter = Limiter::new(&config, Arc::new(MemoryStore::default()), members);
    let mut group = criterion.benchmark_group("limit");
    for keys in [1, 100_000] {
        let ids: Vec<String> = (0..keys).map(|key| format!("{key:016x}")).collect();
        for (name, quota) in [("draw", 0), ("quota", i64::MAX)] {
            let mut ids = ids.iter().cycle();
            group.bench_function(BenchmarkId::new(name, keys), |bencher| {
                bencher.iter(|| {
                    let rate =
                        RateAsk { rate: 1e9, per: 60.0, smoothing: None, endpoint: "", generation: "1" };
                    let ask = Ask {
                        scope: "",
                        id: ids.next().map(String::as_str).unwrap_or_default(),
                        rate: Some(rate),
                        quota: Some(QuotaAsk { limit: quota, renewal: 3600 }),
                    };
                    black_box(poll_once(limiter.check(&ask, Run::Real)))
                });
            });
        }
    }
    group.finish();
}

fn poll_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("memory answers at once"),
    }
}
