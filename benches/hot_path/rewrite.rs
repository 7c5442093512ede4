//! URL rewrites: the pattern, the template, and triggers with their variables.

use criterion::{Criterion, Throughput};

use super::chain::Run;

pub(super) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rewrite");
    group.throughput(Throughput::Elements(1)).noise_threshold(0.03);
    for (name, entry) in [
        ("other_endpoint", r#""path":"/v2/{id}","match_pattern":"/(.*)","rewrite_to":"/$1""#),
        ("relative", r#""path":"/v1/{id}","match_pattern":"/v1/(\\w+)(.*)","rewrite_to":"/v2/$1$2""#),
        ("fallback", STICKY_ABSENT),
        ("sticky", STICKY),
    ] {
        let version = format!(r#","extended_paths":{{"url_rewrites":[{{"method":"GET",{entry}}}]}}"#);
        let mut run = Run::new(&version);
        group.bench_function(name, |bencher| bencher.iter(|| run.once()));
    }
    group.finish();
}

/// The flow of api-definition reference section 0.
const STICKY: &str = r#""path":"/v1/{.*}","match_pattern":"/(.*)","rewrite_to":"http://lb:8080/$1","triggers":[
    {"on":"all","options":{"header_matches":{"Service-Address":{"match_rx":".*"}}},
     "rewrite_to":"$tyk_context.trigger-0-Service-Address-0/$1"}]"#;

/// The same when the header is not there.
const STICKY_ABSENT: &str = r#""path":"/v1/{.*}","match_pattern":"/(.*)","rewrite_to":"http://lb:8080/$1","triggers":[
    {"on":"all","options":{"header_matches":{"Service-Nowhere":{"match_rx":".*"}}},
     "rewrite_to":"$tyk_context.trigger-0-Service-Nowhere-0/$1"}]"#;
