//! What can be tested without a library: the calls behind the table, and the look at files. Libraries are opened and
//! called in `tests/it/drivers/native`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use pingora_http::RequestHeader;

use super::{abi::Refused, call::Call, call::Site, calls::Waiter, elf};
use crate::{
    hook::{HookKind, Host, Object, Spec},
    session::SessionState,
    store::MemoryStore,
    url::Url,
};

fn object(target: &str) -> Object {
    Object {
        request: RequestHeader::build("GET", target.as_bytes(), None).unwrap(),
        url: Url::from_target(target.as_bytes()).unwrap(),
        client: "192.0.2.1".parse().ok(),
        ..Object::without_request(Arc::new(Spec {
            api_id: "api".into(),
            org_id: "org".into(),
            api_name: "name".into(),
            config_data: "{}".into(),
            ..Spec::default()
        }))
    }
}

fn host() -> Arc<Host> {
    Arc::new(Host::new(Arc::default(), Arc::new(MemoryStore::default()), 1000))
}

fn with_call<T>(object: &mut Object, test: impl FnOnce(&mut Call<'_>) -> T) -> T {
    let site = Site { api_id: "api".into(), function: "Test".into(), host: host() };
    test(&mut Call::new(object, Some(HookKind::Pre), &site))
}

#[test]
fn a_target_is_a_url_or_host_and_port() {
    for (given, kept) in [
        ("http://10.0.0.7:9000", "http://10.0.0.7:9000"),
        ("https://a.example", "https://a.example"),
        ("h2c://a:50051", "h2c://a:50051"),
        ("ws://a/chat", "ws://a/chat"),
        ("wss://a?x=1", "wss://a?x=1"),
        ("http://[::1]:80/b/c?d=e@f", "http://[::1]:80/b/c?d=e@f"),
        ("greeter-lb:8080", "http://greeter-lb:8080"),
        ("[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
        ("10.0.0.7:9000/base", "http://10.0.0.7:9000/base"),
    ] {
        let mut object = object("/");
        assert_eq!(with_call(&mut object, |call| call.set_target(given.as_bytes())), Ok(()), "{given}");
        assert_eq!(object.target.as_deref(), Some(kept));
    }
}

#[test]
fn what_is_no_target_is_refused_and_the_last_good_one_stays() {
    let bad: &[&[u8]] = &[
        b"",
        b"http://",
        b"http://:80",
        b"http:///path",
        b"ftp://a:21",
        b"tyk://self/x",
        b"greeter-lb",
        b"a:0",
        b"a:65536",
        b"a:b",
        b"http://a:",
        b"http://user@a:80",
        b"user:secret@a:80",
        b"http://a/#x",
        b"http://a b/",
        b"http://a\r\nX: y",
        b"/path",
        b"http://\xff",
        b"://a:80",
    ];
    let mut object = object("/");
    with_call(&mut object, |call| {
        assert_eq!(call.set_target(b"http://good:1"), Ok(()));
        for target in bad {
            assert_eq!(call.set_target(target), Err(Refused::Invalid), "{}", target.escape_ascii());
        }
    });
    assert_eq!(object.target.as_deref(), Some("http://good:1"));
}

#[test]
fn a_borrowed_target_lives_until_the_url_is_edited() {
    let mut object = object("/a%2Fb%20c?x=1");
    with_call(&mut object, |call| {
        let first = call.request_target().as_ptr();
        assert_eq!(call.raw_path(), "/a%2Fb%20c");
        assert_eq!(call.request_target(), "/a%2Fb%20c?x=1");
        assert_eq!(call.request_target().as_ptr(), first);
        call.set_path(b"/d e").unwrap();
        assert_eq!(call.raw_path(), "/d%20e");
        assert_eq!(call.request_target(), "/d%20e?x=1");
        call.set_query(b"").unwrap();
        assert_eq!(call.request_target(), "/d%20e");
    });
}

#[test]
fn every_address_fits() {
    for address in ["192.0.2.1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::ffff:192.0.2.128"] {
        let mut object = object("/");
        object.client = address.parse().ok();
        let text = with_call(&mut object, |call| call.client_address().map(<[u8]>::to_vec)).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), address);
    }
    let mut object = object("/");
    object.client = None;
    assert!(with_call(&mut object, |call| call.client_address().is_none()));
}

#[test]
fn header_names_keep_the_letters_of_the_hook() {
    let mut object = object("/");
    with_call(&mut object, |call| call.set_header(b"x-CamelCase", b"1").unwrap());
    let mut wire = Vec::new();
    object.request.header_to_h1_wire(&mut wire);
    assert_eq!(String::from_utf8(wire).unwrap(), "x-CamelCase: 1\r\n");
}

#[test]
fn what_is_no_elf_file_is_named() {
    for (content, what) in [
        (b"".as_slice(), "empty"),
        (b"#!/bin/sh\n", "a text"),
        (b"PK\x03\x04\0\xff", "a zip archive"),
        (b"MZ\x90\0\xff", "a Windows file"),
        (b"\xcf\xfa\xed\xfe\x07", "a macOS file"),
        (b"\0asm\x01\xff", "a WebAssembly module"),
        (b"\xff\xfe\xfd", "something else"),
    ] {
        let reason = elf::inspect(content).unwrap_err();
        assert!(reason.contains("not an ELF library") && reason.contains(what), "{reason}");
    }
}

/// An ELF header and nothing else.
fn header(class: u8, order: u8, machine: u16) -> Vec<u8> {
    let mut header = vec![0; 64];
    header[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, order, 1]);
    let put = |header: &mut [u8], at: usize, value: u16| {
        header[at..at + 2].copy_from_slice(&if order == 1 {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        });
    };
    put(&mut header, 16, 3); // ET_DYN
    put(&mut header, 18, machine);
    put(&mut header, 20, 1);
    put(&mut header, 52, 64); // e_ehsize
    header
}

const OURS: u16 = if cfg!(target_arch = "x86_64") { 62 } else { 183 };
const ANOTHER: u16 = if cfg!(target_arch = "x86_64") { 183 } else { 62 };

#[test]
fn files_for_another_machine_are_refused() {
    for (content, what) in [
        (header(2, 1, ANOTHER), "is built for"),
        (header(2, 2, OURS), "is built for"),
        (header(1, 1, 3), "for 32 bits"),
        (header(2, 1, OURS), "no `pinhook_abi`"),
        (b"\x7fELF".to_vec(), "header is broken"),
        (header(2, 1, OURS)[..40].to_vec(), "header is broken"),
    ] {
        let reason = elf::inspect(&content).unwrap_err();
        assert!(reason.contains(what), "{reason}");
    }
}

proptest::proptest! {
    #[test]
    fn a_damaged_file_is_refused_and_never_panics(
        at in 4_usize..64,
        byte: u8,
        tail in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..512),
    ) {
        let mut content = header(2, 1, OURS);
        content[at] = byte;
        content.extend(tail);
        proptest::prop_assert!(elf::inspect(&content).is_err());
    }
}

#[test]
fn a_session_is_read_and_edited_where_there_is_one() {
    let mut object = object("/");
    with_call(&mut object, |call| {
        assert_eq!(call.session(), None);
        assert_eq!(call.session_metadata(b"tier"), None);
        for refused in [
            call.set_session(b"{}"),
            call.set_session_metadata(b"tier", b"gold"),
            call.remove_session_metadata(b"tier"),
        ] {
            assert_eq!(refused, Err(Refused::Missing), "a pre hook makes nobody known");
        }
    });
    let known: SessionState =
        serde_json::from_str(r#"{"alias":"a","meta_data":{"tier":"gold","n":[1,"x"]}}"#).unwrap();
    let known = Arc::new(known);
    object.state = Some(known.clone());
    with_call(&mut object, |call| {
        assert_eq!(call.session_metadata(b"tier"), Some(&b"gold"[..]));
        assert_eq!(call.session_metadata(b"n"), Some(&br#"[1,"x"]"#[..]));
        assert_eq!(call.remove_session_metadata(b"gone"), Err(Refused::NotFound));
    });
    assert!(Arc::ptr_eq(object.state.as_ref().unwrap(), &known), "what is only read stays the same");
    with_call(&mut object, |call| {
        let before = call.session().unwrap().to_vec();
        assert_eq!(call.set_session_metadata(b"tier", b"silver"), Ok(()));
        assert_eq!(call.set_session_metadata(b"tier", b"\xff"), Err(Refused::Invalid));
        assert_eq!(call.remove_session_metadata(b"n"), Ok(()));
        assert_eq!(call.session(), Some(&br#"{"meta_data":{"tier":"silver"},"alias":"a"}"#[..]));
        assert_ne!(call.session().unwrap(), before);
        for bad in [&b"null"[..], b"[]", b"{", br#"{"rate":"x"}"#] {
            assert_eq!(call.set_session(bad), Err(Refused::Invalid), "{}", String::from_utf8_lossy(bad));
        }
        assert_eq!(call.set_session(br#"{"alias":"b"}"#), Ok(()));
        assert_eq!(call.session(), Some(&br#"{"alias":"b"}"#[..]));
    });
    assert_eq!((known.alias.as_str(), known.meta_data.len()), ("a", 2), "the key's own state is left alone");
}

#[test]
fn an_auth_hook_sets_the_first_session() {
    let mut object = object("/");
    let site = Site { api_id: "api".into(), function: "Test".into(), host: host() };
    let mut call = Call::new(&mut object, Some(HookKind::Auth), &site);
    assert_eq!(call.hook_kind(), 7);
    assert_eq!(call.set_session_metadata(b"tier", b"gold"), Err(Refused::Missing));
    assert_eq!(call.set_session(br#"{"rate":5,"per":1}"#), Ok(()));
    assert_eq!(call.set_session_metadata(b"tier", b"gold"), Ok(()));
    let state = object.state.unwrap();
    assert_eq!((state.rate, &state.meta_data["tier"]), (5.0, &"gold".into()));
}

#[test]
fn a_hook_that_never_waits_may_not_call() {
    let mut object = object("/");
    with_call(&mut object, |call| {
        assert_eq!(call.call_begin(b"GET", b"tyk://a/"), Err(Refused::Waits));
        assert_eq!(call.call_all(), Err(Refused::Waits));
        assert_eq!(call.store_data(b"k", b"v", 0), Err(Refused::Waits));
        assert_eq!(call.get_data(b"k"), None);
        assert_eq!(call.call_header(0, b"a", b"b"), Err(Refused::NotFound));
        assert_eq!((call.reply_status(0), call.reply_body(0)), (0, None));
    });
}

#[test]
fn calls_are_made_together_and_keep_their_numbers() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mut object, host) = (object("/"), host());
    let site = Site { api_id: "api".into(), function: "Test".into(), host };
    let deadline = Instant::now() + Duration::from_secs(5);
    let waiter = Waiter { runtime: runtime.handle().clone(), deadline };
    let mut call = Call::new(&mut object, Some(HookKind::Pre), &site).waiting(Some(waiter));
    assert_eq!(call.call_begin(b"", b"http://127.0.0.1:1/"), Ok(0));
    assert_eq!(call.call_begin(b"B D", b"http://127.0.0.1:1/"), Ok(1));
    call.call_header(0, b"A", b"b").unwrap();
    call.call_all().unwrap();
    assert_eq!(call.call_begin(b"GET", b"tyk://none/"), Ok(2));
    assert_eq!(call.call_body(0, b"late"), Err(Refused::NotFound), "it has been made");
    call.call_all().unwrap();
    let error = |number| String::from_utf8_lossy(call.reply_error(number).unwrap()).into_owned();
    assert!(error(0).contains("127.0.0.1:1"), "{}", error(0));
    assert_eq!(error(1), "\"B D\" is no method");
    assert!(error(2).contains("outside of a gateway"), "{}", error(2));
    assert_eq!(call.reply_body(0), None);

    call.store_data(b"k", b"\xff", 60).unwrap();
    assert_eq!(call.get_data(b"k"), Some(&b"\xff"[..]));
    assert_eq!(call.get_data(b"other"), None);
}
