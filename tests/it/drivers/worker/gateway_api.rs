//! What plugins may ask of the gateway, and what they are given.

use super::*;
use crate::support::{DEADLINE, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_is_kept_for_all_workers() {
    let upstream = Upstream::named("up").await;
    let plugin = [
        pre("Put", &["tyk.store_data('k', b'\\x00\\xffvalue', 60)"]),
        pre("Take", &["request.add_header('X-Data', repr(tyk.get_data('k')) + repr(tyk.get_data('none')))"]),
    ];
    let gateway = with_plugin(2, &upstream, &plugin.concat(), &["Put", "Take"]).await;
    assert_eq!(get(&gateway, "/put/").await.status, 200);
    assert_eq!(get(&gateway, "/take/").await.status, 200);
    assert_eq!(upstream.last().header("X-Data").as_deref(), Some("b'\\x00\\xffvalue'None"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_made_at_once_and_never_raise() {
    let upstream = Upstream::named("up").await;
    let plugin = pre(
        "Ask",
        &[
            "url = request.get_header('X-Up')",
            "one, two, three = tyk.call_all([{'url': url + '/a', 'method': 'POST', 'headers': {'X-In': ['1']}, 'body': b'\\xff'}, {'url': 'http://127.0.0.1:1/'}, {'url': 'tyk://say/'}])",
            "request.add_header('X-One', '%d %s' % (one.status, one.text))",
            "request.add_header('X-Two', '%d %s' % (two.status, bool(two.error)))",
            "request.add_header('X-Three', '%d %s' % (three.status, three.text == str(os.getpid())))",
        ],
    );
    // One worker: the API that it calls has a hook of its own there.
    let gateway = with_plugin(1, &upstream, &plugin, &["Ask"]).await;
    let answer = gateway.get("/ask/").header("X-Up", upstream.url()).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = upstream.seen();
    let (called, sent) = (&seen[0], &seen[1]);
    assert_eq!((called.target.as_str(), &*called.body), ("/a", &b"\xff"[..]));
    assert_eq!(called.header("X-In").as_deref(), Some("1"));
    assert_eq!(sent.header("X-One").as_deref(), Some("200 up"));
    assert_eq!(sent.header("X-Two").as_deref(), Some("0 True"));
    assert_eq!(sent.header("X-Three").as_deref(), Some("200 True"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_that_wait_for_one_another_do_not_stop_the_worker() {
    let upstream = Upstream::named("up").await;
    let plugin = pre(
        "Deep",
        &[
            "depth = int(request.get_header('X-Depth') or 3)",
            "if depth > 0:",
            "    reply = tyk.call('tyk://deep/', headers={'X-Depth': [str(depth - 1)]})",
            "    request.add_header('X-Saw', str(reply.status))",
        ],
    );
    let gateway = with_plugin(1, &upstream, &plugin, &["Deep"]).await;
    let all: Vec<_> = (0..20).map(|_| tokio::spawn(gateway.get("/deep/").send())).collect();
    for one in all {
        assert_eq!(one.await.unwrap().status, 200);
    }
    assert_eq!(upstream.last().header("X-Saw").as_deref(), Some("200"));
    assert_eq!(upstream.count(), 80);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_older_decorators_and_module_names_serve() {
    let upstream = Upstream::named("up").await;
    let text = "from tyk.decorators import *\nfrom tyk.gateway import TykGateway\nfrom tyk.session import TykSession\n\
                @Pre\ndef First(request, session, spec):\n    request.add_header('X-Order', '1')\n    return request, session\n\
                @Post\ndef Second(request, session, metadata, spec):\n    \
                request.add_header('X-Order', request.get_header('X-Order') + '2')\n    return request, session, metadata\n";
    let builder = gateway(1).file("plugin.py", text);
    let file = builder.folder().join("plugin.py");
    let definition =
        hooked("a", &upstream, "pre", entry(&file, "First")).entry("post", entry(&file, "Second"));
    let gateway = builder.api(definition).start().await;
    assert_eq!(get(&gateway, "/a/").await.status, 200);
    assert_eq!(upstream.last().header("X-Order").as_deref(), Some("12"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_behave_as_those_of_protobuf() {
    let upstream = Upstream::named("up").await;
    let plugin = pre(
        "Look",
        &[
            "o = request.object",
            "assert o.method == 'POST' and o.url == '/look/x?a=1' and o.request_uri == o.url",
            "assert o.params['a'] == '1' and o.params['none'] == '' and o.scheme == 'http'",
            "assert o.headers['X-In'] == 'one' and 'Host' in o.headers and o.headers.get('None') is None",
            "assert o.body == 'text' and o.raw_body == b'text'",
            "assert o.return_overrides.response_code == -1 and o.set_headers == {}",
            "assert session.rate == 0.0 and session.alias == '' and session.access_rights == {}",
            "session.access_rights['api'].allowed_urls.add(url='/x', methods=['GET'])",
            "session.apply_policies.extend(['p'])",
            "session.monitor.trigger_limits.append(80.0)",
            "assert session.access_rights['api'].allowed_urls[0].methods == ['GET']",
            "assert spec['APIID'] == 'look' and 'config_data' not in spec",
            "for wrong in ('qouta_max', 'anything'):",
            "    try: setattr(session, wrong, 1)",
            "    except AttributeError: pass",
            "    else: raise AssertionError(wrong)",
            "try: session.rate = 'ten'",
            "except TypeError: pass",
            "else: raise AssertionError('rate')",
        ],
    );
    let gateway = with_plugin(1, &upstream, &plugin, &["Look"]).await;
    let answer = gateway
        .request("POST", "/look/x?a=1")
        .header("X-In", "one")
        .header("X-In", "two")
        .body("text")
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(&*upstream.last().body, b"text");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_may_have_threads_that_ask() {
    let upstream = Upstream::named("up").await;
    let plugin = format!(
        "import threading\nseen = []\n\
         def work():\n    while True:\n        tyk.store_data('t', b'1', 5)\n        seen.append(tyk.get_data('t'))\n        time.sleep(0.005)\n\
         threading.Thread(target=work, daemon=True).start()\n{}",
        pre("Seen", &["request.add_header('X-Seen', str(len(seen)))"])
    );
    let gateway = with_plugin(1, &upstream, &plugin, &["Seen"]).await;
    assert!(DEADLINE > SOON);
    until("what the thread saw", async || {
        assert_eq!(get(&gateway, "/seen/").await.status, 200);
        upstream.last().header("X-Seen").unwrap().parse::<usize>().unwrap() > 3
    })
    .await;
}

/// What lies on the path of plugins in Tyk can be imported: message modules, and files of the package `tyk` by their bare names. A
/// module of the plugin's own comes first, and what is the inside of Tyk is refused in words that help.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modules_of_tyk_are_there_under_all_their_names() {
    let upstream = Upstream::named("up").await;
    let imports = "from coprocess_object_pb2 import Object\n\
                   from coprocess_session_state_pb2 import SessionState, AccessDefinition\n\
                   from coprocess_mini_request_object_pb2 import MiniRequestObject\n\
                   from coprocess_return_overrides_pb2 import ReturnOverrides\n\
                   from coprocess_response_object_pb2 import ResponseObject, Header\n\
                   import coprocess_common_pb2 as common\n\
                   from tyk.session import TykSession\nfrom tyk.object import TykCoProcessObject\n\
                   from request import TykCoProcessRequest\nimport object as tyk_object\n\
                   from decorators import CustomKeyCheck\nimport session as own\n\
                   whole = Object(hook_type=common.CustomKeyCheck, session=SessionState(rate=2.0))\n\
                   whole.request.set_headers['A'] = 'b'\n\
                   try:\n    import tyk.loader\nexcept ImportError as error:\n    refused = str(error)\n";
    let plugin = pre(
        "Names",
        &[
            "request.add_header('X-Type', type(request).__name__ + ' ' + str(type(request) is TykCoProcessRequest))",
            "request.add_header('X-Whole', '%d %.1f %s %s' % (whole.hook_type, whole.session.rate, whole.request.set_headers['A'], own.WHOSE))",
            "request.add_header('X-Kind', str(isinstance(request.object, MiniRequestObject) and isinstance(session, TykSession)))",
            "request.add_header('X-Refused', refused)",
        ],
    );
    let builder = gateway(1)
        .file("names.py", format!("{START}{imports}{plugin}"))
        .file("session.py", "WHOSE = 'own'\n");
    let file = builder.folder().join("names.py");
    let gateway = builder.api(hooked("names", &upstream, "pre", entry(&file, "Names"))).start().await;
    let answer = get(&gateway, "/names/").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = upstream.last();
    let header = |name: &str| seen.header(name).unwrap();
    assert_eq!((header("X-Type"), header("X-Kind")), ("Request True".to_owned(), "True".to_owned()));
    assert_eq!(header("X-Whole"), "4 2.0 b own");
    assert!(
        header("X-Refused").contains("no module 'tyk.loader'")
            && header("X-Refused").contains("tyk.decorators")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hook_may_wait_for_threads_of_its_own_that_ask() {
    let upstream = Upstream::named("up").await;
    let call =
        format!("    replies = list(pool.map(lambda n: tyk.call('{}').status, range(4)))", upstream.url());
    let lines = [
        "with ThreadPoolExecutor(4) as pool:",
        &call,
        "tyk.store_data('j', b'kept', 5)",
        "replies += ThreadPoolExecutor(2).map(tyk.get_data, ['j', 'j'])",
        "request.add_header('X-Got', str(replies))",
    ];
    let plugin = format!("from concurrent.futures import ThreadPoolExecutor\n{}", pre("Join", &lines));
    let gateway = with_plugin(1, &upstream, &plugin, &["Join"]).await;
    for _ in 0..20 {
        let answer = get(&gateway, "/join/").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let got = upstream.last().header("X-Got").unwrap();
        assert_eq!(got, "[200, 200, 200, 200, b'kept', b'kept']");
    }
}
