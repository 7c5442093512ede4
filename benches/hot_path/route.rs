//! Finding the API for a request. The goal: 5,000 plain listen paths cost at most 1.05 times what one does.
//!
//! `match` is the router alone, `target` all that routing needs: reading the target, looking for unclean paths, the
//! router. Every run asks for as many paths, in an order without pattern; in `uniform` they are of one length, so
//! that only the number of APIs differs. `varied` has listen paths of 156 shapes: compare 156 with 5,000 there, for
//! with 1 the processor learns the one shape by heart.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput};
use pinhook::{
    chain::{ListenPath, Route, Router, RouterOptions},
    url::Url,
};

const REQUESTS: usize = 5_000;

pub(super) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route");
    group.throughput(Throughput::Elements(REQUESTS as u64)).noise_threshold(0.03);
    group.sample_size(40).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(2));
    for (shape, listen_path) in [("uniform", uniform as fn(usize) -> String), ("varied", varied)] {
        for count in [1, 156, 5_000] {
            let router = router(count, listen_path);
            let paths = requests(count, listen_path);
            group.bench_function(BenchmarkId::new(format!("{shape}/match"), count), |bencher| {
                bencher.iter(|| {
                    for path in &paths {
                        black_box(router.find(0, "gateway.example", path));
                    }
                });
            });
            group.bench_function(BenchmarkId::new(format!("{shape}/target"), count), |bencher| {
                bencher.iter(|| paths.iter().for_each(|path| route(&router, path)));
            });
        }
    }
    group.finish();
}

/// All that stands between the request line and the API.
fn route(router: &Router<usize>, target: &str) {
    if let Ok(url) = Url::from_target(target.as_bytes())
        && url.redirect().is_none()
    {
        black_box(router.find(0, "gateway.example", url.path()));
    }
}

fn uniform(api: usize) -> String {
    format!("/team-{:02}/service-{api:04}/", api % 100)
}

fn varied(api: usize) -> String {
    let depth = "v1/".repeat(api % 4);
    format!(
        "/{}/{depth}service-{api}{}",
        "x".repeat(api % 13 + 1),
        if api.is_multiple_of(3) { "" } else { "/" }
    )
}

fn router(count: usize, listen_path: fn(usize) -> String) -> Router<usize> {
    let route = |api| {
        Some(Route {
            api_id: format!("{:032x}", scatter(api)),
            listen_path: ListenPath::compile(&listen_path(api)).ok()?,
            domain: String::new(),
            port: 0,
            internal: false,
            value: api,
        })
    };
    Router::new((0..count).filter_map(route).collect(), &RouterOptions::default()).0
}

/// Paths below APIs in an order without pattern.
fn requests(count: usize, listen_path: fn(usize) -> String) -> Vec<String> {
    let path = |request| {
        let api = (scatter(request) >> 20) as usize % count;
        format!("{}/users/{request:06}", listen_path(api).trim_end_matches('/'))
    };
    (0..REQUESTS).map(path).collect()
}

fn scatter(number: usize) -> u64 {
    (number as u64 + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(31)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9)
}
