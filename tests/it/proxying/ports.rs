//! APIs with a port of their own, opened and closed by reloads.

use std::{fs, net::SocketAddr};

use pinhook::config::Config;
use tokio::net::TcpStream;

use crate::support::{client::Request, definition::api, free_port, gateway::Gateway, upstream::Upstream};

fn allow_all(config: &mut Config) {
    config.disable_ports_whitelist = true;
}

#[tokio::test]
async fn an_api_is_served_on_its_own_port_alone_and_the_port_goes_with_it() {
    let upstream = Upstream::named("up").await;
    let port = free_port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let own = api("own").target(&upstream).set("listen_port", port);
    let gateway =
        Gateway::build().config(allow_all).api(api("other").target(&upstream)).api(own).start().await;
    let status = async |address, path| Request::new(address, "GET", path).send().await.status;
    let traffic = gateway.addresses().into_iter().find(|address| address.port() != port).unwrap();

    assert_eq!(status(address, "/own/x").await, 200);
    assert_eq!(status(address, "/other/x").await, 404);
    assert_eq!(status(address, "/tyk/apis").await, 404, "no control API there");
    assert_eq!(status(traffic, "/own/x").await, 404);
    assert_eq!(status(traffic, "/other/x").await, 200);

    fs::remove_file(gateway.file("own.json")).unwrap();
    gateway.reload().await;
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
    assert_eq!(status(traffic, "/other/x").await, 200);
}

#[tokio::test]
async fn a_port_that_is_not_allowed_or_in_use_is_named() {
    let upstream = Upstream::named("up").await;
    let api = |port: u16| api("own").target(&upstream).set("listen_port", port);
    let gateway = Gateway::build().api(api(free_port())).start().await;
    let problems = gateway.reload().await.problems;
    assert!(problems.iter().any(|problem| problem.message.contains("is not allowed")), "{problems:?}");

    let gateway = Gateway::build().config(allow_all).api(api(upstream.port())).start().await;
    let problems = gateway.reload().await.problems;
    assert!(problems.iter().any(|problem| problem.to_string().contains("in use")), "{problems:?}");
}
