//! How hooks are called: what they see, what becomes of their edits, and what a bad one costs.

use std::time::Instant;

use pinhook::error::HookError;

use super::*;
use crate::support::plugins::{build, build_c};

#[tokio::test]
async fn a_hook_reads_all_of_a_request() {
    let hook = load(&build("rough"), "ReadsEverything");
    let headers = [("X-Many", "1"), ("x-many", "2"), ("Cookie", "a=1; b=2"), ("Cookie", "c=3")];
    let mut object = with_config("/a%2Fb%20c?d=e%20f", &headers, r#"{"k":1}"#);
    object.metadata.insert("from".into(), "an earlier hook".into());
    let object = hook.dispatch(HookKind::Endpoint, object).await.unwrap();
    for (key, expected) in [
        ("version", env!("CARGO_PKG_VERSION")),
        ("kind", "true"),
        ("api_id", "api"),
        ("org_id", "org"),
        ("api_name", "name"),
        ("config_data", r#"{"k":1}"#),
        ("client", r#"Some("192.0.2.1")"#),
        ("metadata", r#"Some("an earlier hook") None"#),
        ("method", "GET"),
        ("path", "/a/b c"),
        ("raw_path", "/a%2Fb%20c"),
        ("query", "d=e%20f"),
        ("target", "/a%2Fb%20c?d=e%20f"),
        ("header", r#"Some("1") None"#),
        ("many", "1,2"),
        ("headers", "x-many=1;x-many=2;cookie=a=1; b=2;cookie=c=3"),
        ("cookie", r#"Some("2") Some("3")"#),
    ] {
        assert_eq!(object.metadata.get(key).map(String::as_str), Some(expected), "{key}");
    }
}

#[tokio::test]
async fn a_hook_edits_all_of_a_request_and_answers() {
    let hook = load(&build("rough"), "EditsEverything");
    let mut object =
        object("/old?a=1", &[("X-Gone", "1"), ("X-Gone", "2"), ("X-One", "old"), ("X-Kept", "k")]);
    object.metadata.insert("unwanted".into(), String::new());
    let object = hook.dispatch(HookKind::Pre, object).await.unwrap();
    assert_eq!(object.request.method, "PATCH");
    assert_eq!((object.url.path(), &*object.url.request_uri()), ("/new/path", "/new%2Fpath?b=2"));
    let values = |name| object.request.headers.get_all(name).iter().collect::<Vec<_>>();
    assert_eq!(values("x-one"), ["1"]);
    assert_eq!(values("x-many"), ["1", "2"]);
    assert_eq!(values("x-kept"), ["k"]);
    assert!(values("x-gone").is_empty());
    assert_eq!(object.metadata.into_iter().collect::<Vec<_>>(), [("left".to_owned(), "behind".to_owned())]);
    assert_eq!(object.target.as_deref(), Some("http://10.0.0.7:9000/base"));
    let answer = object.answer.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (201, &b"body"[..]));
    assert_eq!(answer.headers.get_all("x-answer").iter().collect::<Vec<_>>(), ["a", "b"]);
}

#[tokio::test]
async fn the_whole_table_works_from_c() {
    let hook = load(&build_c("c_hook.c", &["-std=c99"]), "TouchAll");
    // On failure the code is minus the line in c_hook.c.
    let mut given = object("/", &[]);
    given.body = Some("a body".into());
    let object = hook.dispatch(HookKind::Post, given).await.unwrap();
    assert_eq!(object.body.as_deref(), Some(&b"another"[..]));
    assert_eq!(object.request.method, "PUT");
    assert_eq!(object.url.request_uri(), "/e?y=2");
    assert_eq!(object.target.as_deref(), Some("http://10.0.0.7:9000"));
    let answer = object.answer.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (202, &b"from C"[..]));
    assert_eq!(answer.headers.get_all("a").iter().count(), 2);
}

#[tokio::test]
async fn bad_edits_are_refused_and_change_nothing() {
    let hook = load(&build("rough"), "RefusesBadEdits");
    let given = object("/a?b", &[("Content-Length", "3")]);
    let object = hook.dispatch(HookKind::Pre, given).await.unwrap();
    assert_eq!((object.request.method.as_str(), &*object.url.request_uri()), ("GET", "/a?b"));
    assert_eq!(object.request.headers.len(), 1);
    assert_eq!((header(&object, "content-length"), object.target.as_deref()), (Some("3"), None));
}

#[tokio::test]
async fn an_answer_counts_only_if_the_hook_says_so() {
    let hook = load(&build("rough"), "AnswersAndGoesOn");
    assert!(hook.dispatch(HookKind::Pre, object("/", &[])).await.unwrap().answer.is_none());
    let hook = load(&build("rough"), "RespondsWithNothing");
    let answer = hook.dispatch(HookKind::Pre, object("/", &[])).await.unwrap().answer.unwrap();
    assert_eq!((answer.status.as_u16(), answer.headers.len(), answer.body.len()), (200, 0, 0));
}

#[tokio::test]
async fn a_panic_and_an_error_cost_one_request() {
    let driver = driver(1);
    for (name, expected) in
        [("Panics", "panicked"), ("PanicsAtOnce", "panicked"), ("Fails", "failed with code -1")]
    {
        let hook = driver.load(&source(build("rough"), name)).unwrap();
        for _ in 0..3 {
            let failure = hook.dispatch(HookKind::Pre, object("/", &[("Kept", "1")])).await.unwrap_err();
            assert!(failure.error.to_string().contains(expected), "{name}: {}", failure.error);
            assert_eq!(header(&failure.object.unwrap(), "kept"), Some("1"), "the head comes back");
        }
    }
    let hook = driver.load(&source(build("rough"), "Nothing")).unwrap();
    assert!(hook.dispatch(HookKind::Pre, object("/", &[])).await.is_ok());
}

fn sleeping(milliseconds: &str) -> Box<Object> {
    object("/", &[("Sleep-Ms", milliseconds)])
}

#[tokio::test]
async fn a_hook_that_hangs_times_out_and_at_the_limit_fails_at_once() {
    let driver = driver(2);
    let limit = Duration::from_millis(50);
    let hook = driver.load(&HookSource { timeout: Some(limit), ..source(build("rough"), "Sleeps") }).unwrap();
    for _ in 0..2 {
        let failure = hook.dispatch(HookKind::Pre, sleeping("1500")).await.unwrap_err();
        assert!(matches!(failure.error, HookError::Timeout { .. }), "{}", failure.error);
        assert!(failure.object.is_none());
    }
    assert_eq!((driver.gauges().threads, driver.gauges().stuck_threads), (2, 2));

    let started = Instant::now();
    let failure = hook.dispatch(HookKind::Pre, sleeping("0")).await.unwrap_err();
    assert!(matches!(failure.error, HookError::Stuck { threads: 2, .. }), "{}", failure.error);
    assert!(failure.object.is_some() && started.elapsed() < limit);

    let deadline = Instant::now() + Duration::from_secs(10);
    while driver.gauges().stuck_threads > 0 {
        assert!(Instant::now() < deadline, "the calls returned long ago");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let object = hook.dispatch(HookKind::Pre, sleeping("0")).await.unwrap();
    assert_eq!(header(&object, "slept"), Some("yes"), "threads that came back work again");
}

#[tokio::test]
async fn a_hook_that_waits_does_not_hold_up_the_worker_thread() {
    let driver = driver(8);
    let hook = driver.load(&source(build("rough"), "Sleeps")).unwrap();
    let started = Instant::now();
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let hook = Arc::clone(&hook);
            tokio::spawn(async move { hook.dispatch(HookKind::Pre, sleeping("300")).await.is_ok() })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert!(started.elapsed() < Duration::from_millis(8 * 300 / 2), "{:?}", started.elapsed());
    assert_eq!(driver.gauges().threads, 8);
}

#[tokio::test]
async fn only_a_non_blocking_hook_runs_on_the_calling_thread() {
    let driver = driver(4);
    let hook = driver.load(&source(build("rough"), "NothingAtOnce")).unwrap();
    assert!(!hook.may_be_abandoned());
    assert!(hook.dispatch(HookKind::Pre, object("/", &[])).await.is_ok());
    assert_eq!(driver.gauges().threads, 0);

    let hook = driver.load(&source(build("rough"), "Nothing")).unwrap();
    assert!(hook.may_be_abandoned());
    assert!(hook.dispatch(HookKind::Pre, object("/", &[])).await.is_ok());
    assert_eq!(driver.gauges().threads, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_requests_at_once_keep_their_own_targets() {
    let hook = load(&build("rough"), "SetsTarget");
    let waits = load(&build("rough"), "Sleeps");
    let calls: Vec<_> = (1..=1000)
        .map(|port| {
            let (hook, waits) = (Arc::clone(&hook), Arc::clone(&waits));
            tokio::spawn(async move {
                let target = format!("http://10.0.0.7:{port}");
                let given = object("/", &[("To", &target), ("Sleep-Ms", "0")]);
                let object = hook.dispatch(HookKind::Pre, given).await.unwrap();
                let object = waits.dispatch(HookKind::Pre, object).await.unwrap();
                assert_eq!(object.target.as_deref(), Some(target.as_str()));
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
}
