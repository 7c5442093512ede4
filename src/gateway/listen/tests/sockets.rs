use std::{net::TcpListener, sync::Arc};

use pingora_core::server::Fds;

use super::{super::*, support};
use crate::error::Error;

async fn config(address: impl ToString) -> ListenConfig {
    let origin = support::origin(Arc::default()).await;
    ListenConfig { address: address.to_string(), tls: None, app: support::app(origin) }
}

async fn ask(address: std::net::SocketAddr) -> std::io::Result<String> {
    let mut client = tokio::net::TcpStream::connect(address).await?;
    support::write(&mut client, "GET /who HTTP/1.1\r\nhost: a\r\n\r\n").await;
    Ok(support::read_answer(&mut client).await.1)
}

#[tokio::test]
async fn a_port_in_use_is_a_clean_error_at_once() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (set, faults) = ListenerSet::bind(&[config(address).await, config("127.0.0.1:0").await]);
    assert_eq!(set.addresses().len(), 1, "the other address is listened on");
    let [fault @ Error::Io { source, .. }] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::AddrInUse);
    assert!(fault.to_string().contains(&address.to_string()), "{fault}");
}

#[tokio::test]
async fn an_address_that_is_none_is_an_error() {
    for address in ["nonsense", "127.0.0.1:99999", "", "256.0.0.1:80"] {
        let (_, faults) = ListenerSet::bind(&[config(address).await]);
        assert!(matches!(faults.as_slice(), [Error::Io { .. }]), "{address}: {faults:?}");
    }
}

#[tokio::test]
async fn no_host_means_both_families_and_clients_keep_their_own() {
    for address in [":0", "0.0.0.0:0", "[::]:0"] {
        let (set, faults) = ListenerSet::bind(&[config(address).await]);
        assert!(faults.is_empty(), "{faults:?}");
        assert!(set.start(None).is_empty());
        let port = set.addresses()[0].port();
        assert!(ask(([127, 0, 0, 1], port).into()).await.unwrap().starts_with("127.0.0.1:"));
        let six = format!("[::1]:{port}").parse().unwrap();
        assert!(ask(six).await.unwrap().starts_with("[::1]:"));
    }
}

#[tokio::test]
async fn connections_made_before_the_start_are_served() {
    let (set, _) = ListenerSet::bind(&[config("127.0.0.1:0").await]);
    let early = tokio::spawn(ask(set.addresses()[0]));
    set.start(None);
    assert!(early.await.unwrap().is_ok());
}

#[tokio::test]
async fn apply_opens_closes_and_keeps() {
    let first = config("127.0.0.1:0").await;
    let (set, _) = ListenerSet::bind(std::slice::from_ref(&first));
    set.start(Some(Arc::new(Fds::new().into())));
    let kept = set.addresses()[0];

    let spare = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let second = config(spare).await;
    assert!(set.apply(&[first.clone(), second.clone()]).await.is_empty());
    assert!(ask(spare).await.is_ok());

    let mut open = tokio::net::TcpStream::connect(spare).await.unwrap();
    support::eventually(|| set.connections().load(std::sync::atomic::Ordering::Relaxed) > 0).await;
    assert!(set.apply(std::slice::from_ref(&first)).await.is_empty());
    assert!(ask(spare).await.is_err(), "closed, and not kept open by the table");
    support::write(&mut open, "GET /who HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(support::read_answer(&mut open).await.0.starts_with("HTTP/1.1 200"));
    assert!(ask(kept).await.is_ok());

    assert!(set.apply(&[first, second]).await.is_empty(), "the port is free again at once");
    assert!(ask(spare).await.is_ok());
    set.stop().await;
    assert!(ask(kept).await.is_err());
}

#[tokio::test]
async fn a_successor_takes_the_sockets_over() {
    let spare = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let wanted = [config(spare).await];
    let (before, _) = ListenerSet::bind(&wanted);
    let table: ListenFds = Arc::new(Fds::new().into());
    before.start(Some(table.clone()));
    assert!(ask(spare).await.is_ok());

    // What pingora does between processes: the numbers are duplicates in the successor.
    let (names, numbers) = table.lock().serialize();
    assert_eq!(names, [spare.to_string()]);
    let copies: Vec<_> = numbers.iter().map(|number| duplicate(*number)).collect();
    let mut received = Fds::new();
    received.deserialize(names, copies);

    let after = ListenerSet::default();
    after.start(Some(Arc::new(received.into())));
    assert!(after.apply(&wanted).await.is_empty());
    before.stop().await;
    assert!(ask(spare).await.is_ok(), "the successor accepts");
    after.stop().await;
    assert!(ask(spare).await.is_err(), "nothing holds the socket open");
}

fn duplicate(number: std::os::fd::RawFd) -> std::os::fd::RawFd {
    use std::os::fd::IntoRawFd;
    super::super::sockets::borrowed::duplicate(number).unwrap().into_raw_fd()
}

#[tokio::test]
async fn the_service_opens_what_is_wanted_and_closes_it_at_the_shutdown() {
    let spare = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let set = Arc::new(ListenerSet::default());
    let mut service = ListenService::new(set.clone(), vec![config(spare).await]);
    assert_eq!(service.listen_addresses(), Some(vec![spare.to_string()]), "what pingora may hand to us");
    let table: ListenFds = Arc::new(Fds::new().into());
    let (stop, stopped) = watch::channel(false);
    let fds = table.clone();
    let running = tokio::spawn(async move { service.start_service(Some(fds), stopped, 1).await });
    support::eventually(|| set.addresses() == [spare]).await;
    assert!(ask(spare).await.is_ok());
    assert!(table.lock().get(&spare.to_string()).is_some(), "a successor can have it");

    stop.send_replace(true);
    tokio::time::timeout(support::DEADLINE, running).await.unwrap().unwrap();
    assert!(ask(spare).await.is_err());
    assert!(table.lock().is_empty());
}
