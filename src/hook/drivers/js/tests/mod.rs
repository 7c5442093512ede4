//! Scripts from definition to edits, without a gateway.

use pingora_http::{RequestHeader, ResponseHeader};

use super::*;
use crate::{
    config::Config,
    error::Error,
    hook::{Failure, Manner, Object, RecordPart, ResponsePart, Spec, Value},
    session::SessionState,
    store::MemoryStore,
    url::Url,
};

/// What scripts of request hooks are wrapped in.
fn handler(body: &str) -> String {
    format!(
        "var m = new TykJS.TykMiddleware.NewMiddleware({{}});\n\
         m.NewProcessRequest(function (request, session, config) {{\n{body}\nreturn m.ReturnData(request, {{}});\n}});\n"
    )
}

fn driver(dialect: Dialect) -> JsDriver {
    driver_with(dialect, |_| {})
}

fn driver_with(dialect: Dialect, change: impl FnOnce(&mut DriverSettings)) -> JsDriver {
    let config = Config { enable_jsvm: true, ..Config::default() };
    let host = Arc::new(Host::new(Arc::default(), Arc::new(MemoryStore::default()), 1 << 20));
    let mut settings = DriverSettings::new(&config, host);
    change(&mut settings);
    JsDriver::new(dialect, &settings)
}

fn source(kind: HookKind, text: &str) -> HookSource {
    HookSource {
        api_id: "api".into(),
        kind,
        name: "m".into(),
        code: Code::Text(text.into()),
        siblings: Arc::default(),
        timeout: Some(Duration::from_millis(300)),
        wants_session: false,
        raw_body_only: false,
        server: None,
    }
}

fn object(target: &str) -> Object {
    let spec = Spec {
        api_id: "api".into(),
        org_id: "org".into(),
        config_data: r#"{"tier":"gold"}"#.into(),
        ..Spec::default()
    };
    let mut object = Object::without_request(Arc::new(spec));
    object.request = RequestHeader::build("POST", target.as_bytes(), None).unwrap();
    object.request.insert_header("host", "h.example").unwrap();
    object.url = Url::from_target(target.as_bytes()).unwrap();
    object.body = Some("body".into());
    object
}

fn dispatch(hook: &dyn Hook, kind: HookKind, object: Object) -> Result<Box<Object>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(hook.dispatch(kind, Box::new(object)))
}

fn load(dialect: Dialect, source: &HookSource) -> Arc<dyn Hook> {
    driver(dialect).load(source).unwrap_or_else(|error| panic!("{}", error.chain()))
}

fn pre(dialect: Dialect, text: &str, object: Object) -> Result<Box<Object>, Failure> {
    dispatch(&*load(dialect, &source(HookKind::Pre, text)), HookKind::Pre, object)
}

fn reason(failure: Failure) -> String {
    Error::from(failure.error).chain()
}

fn header<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.request.headers.get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn a_handler_edits_the_request() {
    let text = handler(
        "request.SetHeaders['X-New'] = request.Method + request.Headers.Host[0] + config.config_data.tier;\n\
         request.DeleteHeaders.push('X-Old');\n\
         request.Body += '!';\n\
         request.AddParams.c = '3 4'; request.DeleteParams.push('a'); request.ExtendedParams.b = ['x', 'y'];",
    );
    for dialect in [Dialect::Otto, Dialect::JavaScript] {
        let mut given = object("/p?a=1&b=2&a=3");
        given.request.insert_header("X-Old", "1").unwrap();
        let left = pre(dialect, &text, given).unwrap();
        assert_eq!(header(&left, "x-new"), Some("POSTh.examplegold"));
        assert_eq!(header(&left, "x-old"), None);
        assert_eq!(left.body.as_deref(), Some(b"body!".as_slice()));
        assert_eq!(left.url.request_uri(), "/p?b=2&b=x&b=y&c=3+4");
        assert!(left.answer.is_none() && left.target.is_none());
    }
}

mod bad;
mod habits;
mod kinds;
mod life;
