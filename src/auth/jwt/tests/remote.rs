use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{auth::jwt::remote::RemoteKeys, chain::KeySets};

/// An issuer that counts how often it is asked; each of its sets has one key more. It fails while `broken` is set.
struct Issuer {
    url: String,
    asked: Arc<AtomicUsize>,
    broken: Arc<AtomicUsize>,
}

async fn issuer() -> Issuer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let (asked, broken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let issuer = Issuer { url, asked: asked.clone(), broken: broken.clone() };
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (count, broken) =
                (asked.fetch_add(1, Ordering::SeqCst) + 1, broken.load(Ordering::SeqCst) > 0);
            let mut seen = [0; 2048];
            let _ = stream.read(&mut seen).await;
            // Long enough for others to come meanwhile.
            tokio::time::sleep(Duration::from_millis(30)).await;
            let body = format!(r#"{{"keys":[{{"kty":"oct","kid":"k{count}","k":"cw"}}]}}"#);
            let status = if broken { "500 No" } else { "200 OK" };
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    issuer
}

impl Issuer {
    fn keys(&self, keep: Duration, epoch: Arc<AtomicU64>) -> Arc<RemoteKeys> {
        Arc::new(RemoteKeys::new(self.url.clone(), keep, true, Arc::default(), epoch))
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// The id of the one key of a set.
async fn kid(keys: &Arc<RemoteKeys>) -> Option<String> {
    let held = keys.get().await?;
    (1..100).map(|count| format!("k{count}")).find(|kid| held.keys.named(kid).next().is_some())
}

#[tokio::test]
async fn many_who_ask_at_once_make_one_fetch() {
    let issuer = issuer().await;
    let keys = issuer.keys(Duration::from_secs(60), Arc::default());
    let all = futures_util::future::join_all((0..50).map(|_| kid(&keys))).await;
    assert!(all.iter().all(|kid| kid.as_deref() == Some("k1")), "{all:?}");
    assert_eq!(kid(&keys).await.as_deref(), Some("k1"));
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_set_is_fetched_anew_when_its_time_is_over_or_it_is_called_off() {
    let issuer = issuer().await;
    let sets = KeySets::default();
    let keys = issuer.keys(Duration::from_secs(60), sets.of("a"));
    assert_eq!(kid(&keys).await.as_deref(), Some("k1"));
    sets.forget(Some("b"));
    assert_eq!(kid(&keys).await.as_deref(), Some("k1"));
    sets.forget(Some("a"));
    assert_eq!(kid(&keys).await.as_deref(), Some("k2"));
    sets.forget(None);
    assert_eq!(kid(&keys).await.as_deref(), Some("k3"));

    let short = issuer.keys(Duration::from_millis(200), Arc::default());
    assert_eq!(kid(&short).await.as_deref(), Some("k4"));
    tokio::time::sleep(Duration::from_millis(210)).await;
    assert_eq!(kid(&short).await.as_deref(), Some("k5"));
}

#[tokio::test]
async fn late_in_its_time_a_set_is_fetched_in_the_background() {
    let issuer = issuer().await;
    let keys = issuer.keys(Duration::from_secs(2), Arc::default());
    assert_eq!(kid(&keys).await.as_deref(), Some("k1"));
    tokio::time::sleep(Duration::from_millis(1600)).await;
    assert_eq!(kid(&keys).await.as_deref(), Some("k1"), "nobody waits");
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while kid(&keys).await.as_deref() != Some("k2") {
        assert!(std::time::Instant::now() < deadline, "never fetched");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_issuer_that_fails_is_not_flooded_and_counts_again_once_it_answers() {
    let issuer = issuer().await;
    issuer.broken.store(1, Ordering::SeqCst);
    let keys = issuer.keys(Duration::from_secs(60), Arc::default());
    for _ in 0..20 {
        assert_eq!(kid(&keys).await, None);
    }
    assert_eq!(issuer.asked(), 1);
    issuer.broken.store(0, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert_eq!(kid(&keys).await.as_deref(), Some("k2"));
}
