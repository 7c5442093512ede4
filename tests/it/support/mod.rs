//! What tests are made of: gateways, upstreams, a client, and the processes they talk to.

pub(crate) mod client;
pub(crate) mod definition;
pub(crate) mod fault;
pub(crate) mod gateway;
pub(crate) mod load;
#[cfg(feature = "grpc")]
pub(crate) mod plugin_server;
pub(crate) mod plugins;
pub(crate) mod program;
pub(crate) mod redis;
pub(crate) mod upstream;

use std::{net::TcpListener, time::Duration};

/// How long anything may take before its test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time(what, wait).await;
}

/// The outcome of `work`, which has to come within the deadline.
pub(crate) async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// A port that was free a moment ago, for what cannot listen on port 0, and for what must not be there.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
