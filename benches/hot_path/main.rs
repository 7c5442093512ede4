//! Costs on a request's way, a file per piece. `cargo bench --bench hot_path -- route` runs one.

mod chain;
mod hook;
mod key;
mod limit;
mod rewrite;
mod route;

use criterion::{Criterion, criterion_group, criterion_main};

fn all(criterion: &mut Criterion) {
    chain::bench(criterion);
    hook::bench(criterion);
    key::bench(criterion);
    limit::bench(criterion);
    rewrite::bench(criterion);
    route::bench(criterion);
}

criterion_group!(hot_path, all);
criterion_main!(hot_path);
