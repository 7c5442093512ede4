//! The examples do what their texts say.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{
        Mutex,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

use super::*;
use crate::support::plugins::build;

#[tokio::test]
async fn add_header_sets_foo() {
    let hook = load(&build("add_header"), "AddFooHeader");
    let object = hook.dispatch(HookKind::Pre, object("/", &[("foo", "old")])).await.unwrap();
    assert_eq!(header(&object, "Foo"), Some("Bar"));
    assert!(!hook.may_be_abandoned());
}

#[tokio::test]
async fn sticky_sends_one_client_to_its_backend() {
    let hook = load(&build("sticky"), "Sticky");
    let config = r#"{"sticky": {"table": {"blue": "http://10.0.0.7:9000", "green": "10.0.0.8:9000"}}}"#;
    for (headers, target) in [
        (&[("Cookie", "a=b; sticky=blue")][..], Some("http://10.0.0.7:9000")),
        (&[("X-Sticky", "green")], Some("http://10.0.0.8:9000")),
        (&[("X-Sticky", "green"), ("Cookie", "sticky=blue")], Some("http://10.0.0.8:9000")),
        (&[("X-Sticky", "red")], None),
        (&[], None),
    ] {
        let object = hook.dispatch(HookKind::Pre, with_config("/", headers, config)).await.unwrap();
        assert_eq!(object.target.as_deref(), target, "{headers:?}");
    }
    let changed = config.replace("10.0.0.7", "10.0.0.9");
    let given = with_config("/", &[("X-Sticky", "blue")], &changed);
    let object = hook.dispatch(HookKind::Pre, given).await.unwrap();
    assert_eq!(object.target.as_deref(), Some("http://10.0.0.9:9000"), "a reload brings a new table");
    assert!(hook.dispatch(HookKind::Pre, object_without_table()).await.is_err(), "a table is needed");
}

fn object_without_table() -> Box<Object> {
    object("/", &[("X-Sticky", "blue")])
}

#[tokio::test]
async fn maintenance_answers_by_itself() {
    let hook = load(&build("maintenance"), "Maintenance");
    let on = r#"{"maintenance": {"on": true, "retry_after": 120, "message": "Back at noon."}}"#;
    let answer = hook.dispatch(HookKind::Pre, with_config("/", &[], on)).await.unwrap().answer.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (503, &b"Back at noon.\n"[..]));
    assert_eq!(answer.headers.get("retry-after").unwrap(), "120");

    for off in ["{}", r#"{"maintenance": {"on": true, "allow": ["192.0.2.1"]}}"#] {
        let object = hook.dispatch(HookKind::Pre, with_config("/", &[], off)).await.unwrap();
        assert!(object.answer.is_none(), "{off}");
    }
}

/// A stickiness service: answers each question with the status it is told and an address made of the key.
struct Service {
    url: String,
    status: Arc<AtomicU16>,
    questions: Arc<Mutex<Vec<String>>>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = Self {
            url: format!("http://{}/address", listener.local_addr().unwrap()),
            status: Arc::new(AtomicU16::new(200)),
            questions: Arc::default(),
        };
        let (status, questions) = (Arc::clone(&service.status), Arc::clone(&service.questions));
        thread::Builder::new()
            .spawn(move || {
                for stream in listener.incoming() {
                    let mut stream = BufReader::new(stream.unwrap());
                    let mut line = String::new();
                    stream.read_line(&mut line).unwrap();
                    let key = line.split("key=").nth(1).unwrap().split('&').next().unwrap().to_owned();
                    questions.lock().unwrap().push(line);
                    let status = status.load(Relaxed);
                    if status == 0 {
                        // Says nothing until the client has given up.
                        thread::sleep(Duration::from_millis(400));
                        continue;
                    }
                    let mut end = String::new();
                    while stream.read_line(&mut end).unwrap() > 2 {
                        end.clear();
                    }
                    write!(stream.get_mut(), "HTTP/1.0 {status} X\r\n\r\nhttp://{key}.example:9000\n")
                        .unwrap();
                }
            })
            .unwrap();
        service
    }

    fn config(&self, more: &str) -> String {
        format!(
            r#"{{"sticky_service": {{"url": "{}", "key_header": "X-User", "timeout_ms": 200{more}}}}}"#,
            self.url
        )
    }

    fn asked(&self) -> usize {
        self.questions.lock().unwrap().len()
    }
}

/// An object of an API of its own: the example's cache is per API, and tests run at once.
fn of_api(api_id: &str, user: &str, config: &str) -> Box<Object> {
    let mut object = with_config("/greeters/v1/hello?x=1", &[("X-User", user)], config);
    object.spec = Arc::new(Spec {
        api_id: api_id.into(),
        org_id: "org".into(),
        api_name: "greeter".into(),
        config_data: config.into(),
        ..Spec::default()
    });
    object
}

#[tokio::test]
async fn sticky_service_asks_once_and_sets_the_header_or_the_target() {
    let service = Service::start();
    let hook = load(&build("sticky_service"), "GetStickyServiceAddress");
    assert!(hook.may_be_abandoned(), "it waits for the service");
    let by_header = service.config("");
    for _ in 0..3 {
        let object = hook.dispatch(HookKind::Pre, of_api("by-header", "ann", &by_header)).await.unwrap();
        assert_eq!(header(&object, "service-address"), Some("http://ann.example:9000"));
        assert_eq!(object.target, None);
    }
    assert_eq!(service.asked(), 1, "the answer was kept");
    let question = service.questions.lock().unwrap()[0].clone();
    for part in [
        "api=by-header",
        "key=ann",
        "method=GET",
        "path=%2Fgreeters%2Fv1%2Fhello%3Fx%3D1",
        "client=192.0.2.1",
    ] {
        assert!(question.contains(part), "{question}");
    }

    let by_target = service.config(r#", "mode": "target""#);
    let object = hook.dispatch(HookKind::Pre, of_api("by-target", "bob", &by_target)).await.unwrap();
    assert_eq!(object.target.as_deref(), Some("http://bob.example:9000"));
    assert_eq!(header(&object, "service-address"), None);
}

#[tokio::test]
async fn sticky_service_falls_back_when_the_service_fails_or_hangs() {
    let service = Service::start();
    let hook = load(&build("sticky_service"), "GetStickyServiceAddress");
    let config = service.config(r#", "ttl_seconds": 0, "fallback": "http://greeter-lb:8080""#);
    let address = async |user: &str| {
        let object = hook.dispatch(HookKind::Pre, of_api("failing", user, &config)).await.unwrap();
        header(&object, "service-address").map(str::to_owned)
    };
    assert_eq!(address("ann").await.as_deref(), Some("http://ann.example:9000"));

    service.status.store(500, Relaxed);
    assert_eq!(address("ann").await.as_deref(), Some("http://ann.example:9000"), "the last known address");
    assert_eq!(address("bob").await.as_deref(), Some("http://greeter-lb:8080"), "none is known");
    let asked = service.asked();
    assert_eq!(address("bob").await.as_deref(), Some("http://greeter-lb:8080"));
    assert_eq!(service.asked(), asked, "a failing service is left alone for a second");

    service.status.store(0, Relaxed);
    let started = Instant::now();
    assert_eq!(address("carl").await.as_deref(), Some("http://greeter-lb:8080"));
    assert!(started.elapsed() < Duration::from_millis(390), "{:?}", started.elapsed());
}

#[tokio::test]
async fn sticky_service_without_fallback_leaves_the_request_as_it_is() {
    let hook = load(&build("sticky_service"), "GetStickyServiceAddress");
    // Nobody listens on the discard port of this address.
    let config = r#"{"sticky_service": {"url": "http://127.0.0.1:9/address", "timeout_ms": 200}}"#;
    let object = hook.dispatch(HookKind::Pre, of_api("down", "ann", config)).await.unwrap();
    assert_eq!((header(&object, "service-address"), object.target.as_deref()), (None, None));
}

#[tokio::test]
async fn check_token_leaves_the_session_of_its_table() {
    let hook = load(&build("check_token"), "CheckToken");
    let config = r#"{"tokens": {"s3cret": {"alias": "alice", "rate": 10, "per": 1}}}"#;
    let given = with_config("/", &[("X-Token", "s3cret")], config);
    let object = hook.dispatch(HookKind::Auth, given).await.unwrap();
    assert_eq!(object.metadata.get("token").map(String::as_str), Some("s3cret"));
    let state = object.state.unwrap();
    assert_eq!((state.alias.as_str(), state.rate), ("alice", 10.0));
    for (headers, status) in [(&[][..], 401), (&[("X-Token", "other")], 403)] {
        let object = hook.dispatch(HookKind::Auth, with_config("/", headers, config)).await.unwrap();
        assert_eq!(object.answer.unwrap().status.as_u16(), status);
        assert!(object.state.is_none());
    }
    assert!(hook.dispatch(HookKind::Pre, with_config("/", &[("X-Token", "s3cret")], config)).await.is_err());
}

#[tokio::test]
async fn partner_checks_and_tags() {
    let library = crate::support::plugins::build_example("cc", "partner/partner.c", &[]);
    let (check, tag) = (load(&library, "CheckPartner"), load(&library, "TagPartner"));
    let object = check.dispatch(HookKind::Auth, object("/", &[("X-Partner", "acme")])).await.unwrap();
    assert_eq!(object.metadata.get("token").map(String::as_str), Some("partner-acme"));
    assert_eq!(object.state.as_ref().unwrap().alias, "acme");
    let object = tag.dispatch(HookKind::PostKeyAuth, object).await.unwrap();
    assert_eq!((header(&object, "X-Tier"), header(&object, "X-Level")), (Some("partner"), Some("2")));
    assert_eq!(object.state.unwrap().meta_data["seen"], "yes");
    for name in ["", "a b", "\"x"] {
        let object =
            check.dispatch(HookKind::Auth, super::object("/", &[("X-Partner", name)])).await.unwrap();
        assert_eq!(object.answer.unwrap().status.as_u16(), 403, "{name}");
    }
}
