use std::{net::TcpListener, sync::Arc};

use super::{super::*, support};
use crate::error::Error;

async fn config(address: impl ToString) -> ListenConfig {
    let origin = support::origin(Arc::default()).await;
    ListenConfig { address: address.to_string(), tls: None, asking: None, app: support::app(origin) }
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
        assert!(set.start().is_empty());
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
    set.start();
    assert!(early.await.unwrap().is_ok());
}

#[tokio::test]
async fn apply_opens_closes_and_keeps() {
    let first = config("127.0.0.1:0").await;
    let (set, _) = ListenerSet::bind(std::slice::from_ref(&first));
    set.start();
    let kept = set.addresses()[0];

    let spare = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let second = config(spare).await;
    assert!(set.apply(&[first.clone(), second.clone()]).await.is_empty());
    assert!(ask(spare).await.is_ok());

    let mut open = tokio::net::TcpStream::connect(spare).await.unwrap();
    support::eventually(|| set.connections().load(std::sync::atomic::Ordering::Relaxed) > 0).await;
    assert!(set.apply(std::slice::from_ref(&first)).await.is_empty());
    assert!(ask(spare).await.is_err(), "closed, and not kept open by the copy");
    support::write(&mut open, "GET /who HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(support::read_answer(&mut open).await.0.starts_with("HTTP/1.1 200"));
    assert!(ask(kept).await.is_ok());

    assert!(set.apply(&[first, second]).await.is_empty(), "the port is free again at once");
    assert!(ask(spare).await.is_ok());
    set.stop(Duration::ZERO).await;
    assert!(ask(kept).await.is_err());
}

#[tokio::test]
async fn a_successor_takes_the_sockets_over() {
    let spare = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let wanted = [config(spare).await];
    let (before, _) = ListenerSet::bind(&wanted);
    before.start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upgrade.sock");
    let doorstep = handover::Doorstep::open(&path).unwrap();
    let copies = before.copies().unwrap();
    let sent = tokio::spawn({
        let path = path.clone();
        async move { handover::hand_over(&path, &copies).await }
    });

    let (received, predecessor) = doorstep.receive().await.unwrap();
    assert_eq!(received[0].0, spare.to_string());
    let after = ListenerSet::default();
    after.inherit(received);
    assert!(after.apply(&wanted).await.is_empty(), "nothing is bound: the port is taken");
    after.start();
    assert!(after.disinherit().is_empty());
    assert!(!sent.is_finished(), "it waits to hear that the successor accepts");
    predecessor.release().await.unwrap();
    sent.await.unwrap().unwrap();

    before.stop(Duration::ZERO).await;
    assert!(ask(spare).await.is_ok(), "the successor accepts");
    after.stop(Duration::ZERO).await;
    assert!(ask(spare).await.is_err(), "nothing holds the socket open");
    drop(doorstep);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_hundred_sockets_are_handed_over() {
    let mut wanted = Vec::new();
    for _ in 0..100 {
        let spare = TcpListener::bind("127.0.0.1:0").unwrap();
        wanted.push((spare.local_addr().unwrap().to_string(), spare));
    }
    let names: Vec<String> = wanted.iter().map(|(name, _)| name.clone()).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upgrade.sock");
    let doorstep = handover::Doorstep::open(&path).unwrap();
    let sent = tokio::spawn(async move { handover::hand_over(&path, &wanted).await });

    let (received, predecessor) = doorstep.receive().await.unwrap();

    assert_eq!(received.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), names);
    for (name, socket) in &received {
        assert_eq!(&socket.local_addr().unwrap().to_string(), name);
    }
    predecessor.release().await.unwrap();
    sent.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_successor_that_breaks_is_told_to_the_one_who_serves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upgrade.sock");
    let (set, _) = ListenerSet::bind(&[config("127.0.0.1:0").await]);
    let nobody = handover::hand_over(&path, &set.copies().unwrap()).await;
    assert_eq!(nobody.unwrap_err().kind(), std::io::ErrorKind::NotFound);

    let doorstep = handover::Doorstep::open(&path).unwrap();
    let copies = set.copies().unwrap();
    let sent = tokio::spawn(async move { handover::hand_over(&path, &copies).await });
    drop(doorstep.receive().await.unwrap());

    let broken = tokio::time::timeout(support::DEADLINE, sent).await.unwrap().unwrap();
    assert_eq!(broken.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn a_doorstep_replaces_a_dead_one_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upgrade.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let first = handover::Doorstep::open(&path).unwrap();
    let second = handover::Doorstep::open(&path).err().unwrap();
    assert_eq!(second.to_string(), "another upgrade is under way");
    drop(first);

    std::fs::write(&path, "somebody's file").unwrap();
    assert!(handover::Doorstep::open(&path).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's file");
}

#[tokio::test]
async fn an_idle_connection_may_send_one_more_request() {
    let (set, _) = ListenerSet::bind(&[config("127.0.0.1:0").await]);
    set.start();
    let set = Arc::new(set);
    let mut open = tokio::net::TcpStream::connect(set.addresses()[0]).await.unwrap();
    support::write(&mut open, "GET /who HTTP/1.1\r\nhost: a\r\n\r\n").await;
    support::read_answer(&mut open).await;

    let stopping = tokio::spawn({
        let set = Arc::clone(&set);
        async move { set.stop(support::DEADLINE).await }
    });
    support::eventually(|| set.addresses().is_empty()).await;
    support::write(&mut open, "GET /who HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (head, _) = support::read_answer(&mut open).await;

    assert!(head.starts_with("HTTP/1.1 200") && head.contains("lose"), "{head}");
    stopping.await.unwrap();
}
