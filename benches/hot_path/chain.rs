//! Running a chain: what its steps cost a request, next to a chain without any.
//!
//! Steps of this build never wait, so one poll finishes a run; a runtime would only add its own cost.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up must stop")]

use std::{
    future::Future,
    hint::black_box,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use criterion::{Criterion, Throughput};
use pingora_proxy::Session;
use pinhook::{
    chain::{Blueprint, Chain, Ctx, HookPlan, ListenPath, Router, Services, Snapshot},
    config::Config,
    definition,
    hook::Spec,
    middleware,
    url::Url,
};
use tokio::io::AsyncWriteExt;

const REQUEST: &str = "GET /app/v1/hello?x=1 HTTP/1.1\r\nHost: gateway.example\r\nUser-Agent: bench/1\r\n\
                       Accept: */*\r\nAccept-Encoding: gzip\r\nX-Request-Id: 7\r\nX-Beta: on\r\n\
                       Service-Address: http://10.0.0.7:9000\r\n\r\n";

pub(super) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("chain");
    group.throughput(Throughput::Elements(1)).noise_threshold(0.03);
    let many: Vec<_> = (0..200).map(|n| format!(r#"{{"path":"/blocked/{n}/{{id}}"}}"#)).collect();
    for (name, version) in [
        ("empty", String::new()),
        ("set_one_header", r#","global_headers":{"X-Set":"1"}"#.into()),
        ("set_a_variable", r#","global_headers":{"X-Set":"$tyk_context.headers_X_Request_Id"}"#.into()),
        ("block_list_of_one", r#","extended_paths":{"black_list":[{"path":"/blocked"}]}"#.into()),
        ("block_list_of_200", format!(r#","extended_paths":{{"black_list":[{}]}}"#, many.join(","))),
    ] {
        let mut run = Run::new(&version);
        group.bench_function(name, |bencher| bencher.iter(|| run.once()));
    }
    group.finish();
}

/// A chain and one request that can go through it again and again.
pub(super) struct Run {
    chain: Chain,
    session: Session,
    ctx: Ctx,
}

impl Run {
    /// A chain of a definition whose version has these further members.
    pub(super) fn new(version: &str) -> Self {
        let text = format!(
            r#"{{"name":"app","api_id":"app","use_keyless":true,"enable_context_vars":true,
            "proxy":{{"listen_path":"/app/","target_url":"http://up"}},"version_data":{{"not_versioned":true,
            "versions":{{"Default":{{"name":"Default","use_extended_paths":true{version}}}}}}}}}"#
        );
        let definition = definition::parse(&text, "bench").expect("a definition");
        let services = services();
        let chain = chain(&definition, &services);
        let session = session();
        let mut ctx =
            Ctx::new(Arc::new(Snapshot::new(services, Arc::default(), Router::empty(), Vec::new())));
        ctx.url = Url::from_target(session.req_header().raw_path()).expect("a target");
        Self { chain, session, ctx }
    }

    /// Sends the request through; what it parked is thrown away.
    pub(super) fn once(&mut self) {
        let flow = poll_once(self.chain.request(&mut self.session, &mut self.ctx));
        black_box(flow.expect("no fault"));
        self.ctx.variables = None;
        self.ctx.rewrite = None;
        self.ctx.path_before_rewrite = None;
    }
}

fn services() -> Services {
    Services::alone(Config::default()).expect("handles")
}

fn chain(definition: &definition::ApiDefinition, services: &Services) -> Chain {
    let versions = vec![definition.version_data.only().expect("a version").1.clone()];
    let spec = Spec {
        api_id: "app".into(),
        org_id: "org".into(),
        api_name: "app".into(),
        config_data: "{}".into(),
        ..Spec::default()
    };
    let mut blueprint = Blueprint {
        definition,
        versions: &versions,
        listen_path: &ListenPath::compile("/app/").expect("a listen path"),
        services,
        hooks: &HookPlan::new(definition, &services.config, None),
        spec: &Arc::new(spec),
        place: "bench",
        problems: &mut Vec::new(),
    };
    Chain::build(middleware::REQUEST, middleware::RESPONSE, &mut blueprint)
}

fn session() -> Session {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(4_096);
        client.write_all(REQUEST.as_bytes()).await.expect("room for the request");
        let mut session = Session::new_h1(Box::new(server));
        assert!(session.downstream_session.read_request().await.expect("a request"));
        session
    })
}

pub(super) fn poll_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("no step of this build waits"),
    }
}
