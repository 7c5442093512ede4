//! Finding the key behind a token: in the local cache, and in a store that answers at once.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up must stop")]

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput};
use pinhook::{
    config::Config,
    session::{Lifetime, Policies, SessionState, Sessions},
    store::{If, MemoryStore},
};

use super::chain::poll_once;

const TOKEN: &str = "5e9d9544a1dcd60001d0ed200123456789abcdef0123456789abcdef";
const ORG: &str = "5e9d9544a1dcd60001d0ed20";
const STATE: &str = r#"{"org_id":"5e9d9544a1dcd60001d0ed20","rate":100,"per":1,"quota_max":1000,"access_rights":
    {"app":{"api_id":"app","versions":["Default"]}},"tags":["a"],"meta_data":{"tier":"gold"}}"#;

pub(super) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("key");
    group.throughput(Throughput::Elements(1)).noise_threshold(0.03);
    let policies = Policies::default();
    for (name, entries) in [("cached", 1000), ("looked_up", 0)] {
        let mut config = Config { hash_keys: true, ..Config::default() };
        config.pinhook.session_cache_entries = entries;
        let sessions = Sessions::new(&config, Arc::new(MemoryStore::default()));
        let state: SessionState = serde_json::from_str(STATE).expect("a state");
        let hash = sessions.hash(TOKEN);
        let written = sessions.write(&hash, &state, Lifetime::Unset, If::Always);
        assert!(poll_once(written).expect("memory"));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(poll_once(sessions.find(&policies, ORG, TOKEN))).expect("the key"));
        });
    }
    group.finish();
}
