use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn head(status: u16, headers: &[(&'static str, &str)]) -> ResponseHeader {
    let mut head = ResponseHeader::build(status, None).unwrap();
    for (name, value) in headers {
        head.append_header(*name, *value).unwrap();
    }
    head
}

fn rule(codes: &[i64], timeout: i64, control: bool) -> Arc<CacheRule> {
    let control = control.then(|| HeaderName::from_static("x-ttl"));
    Arc::new(CacheRule { codes: codes.into(), timeout, control })
}

fn kept(head: &ResponseHeader, is_head: bool, chunks: &[&'static str]) -> Option<Entry> {
    let mut storing = Storing::new(rule(&[], 60, false), "k".to_owned(), is_head, 10);
    let begun = storing.begin(head);
    let went = chunks.iter().all(|chunk| storing.add(&Bytes::from_static(chunk.as_bytes())));
    if begun && went { storing.finish() } else { None }
}

fn text_of(entry: &Entry) -> String {
    let stored = String::from_utf8(entry.encode(at(1000))).unwrap();
    let (text, expires) = stored.split_once('|').unwrap();
    assert_eq!(expires, "1060");
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

fn stored(text: &str, expires: &str) -> Vec<u8> {
    format!("{}|{expires}", STANDARD.encode(text)).into_bytes()
}

fn read(text: &str) -> Option<(u16, Bytes)> {
    let answer = CachedAnswer::decode(&stored(text, "2000"), false, at(1000))?;
    Some((answer.head.status.as_u16(), answer.body))
}

#[test]
fn status_and_time_decide_what_is_kept() {
    let ttl = |rule: Arc<CacheRule>, head: &ResponseHeader| rule.ttl(head).map(|ttl| ttl.as_secs());
    let all = rule(&[], 60, false);
    for (status, expected) in
        [(200, true), (404, true), (503, true), (206, false), (304, false), (416, false)]
    {
        assert_eq!(ttl(all.clone(), &head(status, &[])).is_some(), expected, "{status}");
    }
    assert_eq!(ttl(rule(&[200, 206], 60, false), &head(404, &[])), None);
    assert_eq!(ttl(rule(&[200, 206], 60, false), &head(206, &[])), Some(60), "asked for by name");
    assert_eq!(ttl(rule(&[], 0, false), &head(200, &[])), None);
    assert_eq!(ttl(rule(&[], i64::MAX, false), &head(200, &[])), Some(LONGEST as u64));
}

#[test]
fn an_upstream_may_decide_where_it_is_asked() {
    let wish = head(404, &[("x-tyk-cache-action-set", "1"), ("x-ttl", "7")]);
    let ttl = |control, head: &ResponseHeader| rule(&[200], 60, control).ttl(head).map(|ttl| ttl.as_secs());
    assert_eq!((ttl(false, &wish), ttl(true, &wish)), (None, Some(7)));
    assert_eq!(ttl(true, &head(404, &[("x-ttl", "7")])), None);
    assert_eq!(ttl(true, &head(200, &[("x-ttl", "7")])), Some(7));
    assert_eq!(ttl(true, &head(200, &[("x-ttl", "soon")])), Some(60));
    assert_eq!(ttl(true, &head(200, &[("x-ttl", "-1")])), None);
}

#[test]
fn an_entry_is_laid_out_as_gos_writer_does() {
    let head =
        head(200, &[("x-b", "2"), ("content-type", "a/b"), ("x-b", "1"), ("transfer-encoding", "chunked")]);
    let entry = kept(&head, false, &["ab", "c"]).unwrap();
    let expected = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: a/b\r\nX-B: 2\r\nX-B: 1\r\n\r\nabc";
    assert_eq!(text_of(&entry), expected);
    assert!(entry.size() >= entry.encode(at(1000)).len());
}

#[test]
fn an_answer_to_head_keeps_the_length_that_it_tells() {
    let entry = kept(&head(200, &[("content-length", "500")]), true, &[]).unwrap();
    assert_eq!(text_of(&entry), "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    let answer = CachedAnswer::decode(&entry.encode(at(1000)), true, at(1059)).unwrap();
    assert_eq!((answer.head.headers["content-length"].as_bytes(), answer.body.len()), (&b"500"[..], 0));
    assert_eq!(text_of(&kept(&head(204, &[]), false, &[]).unwrap()), "HTTP/1.1 204 No Content\r\n\r\n");
}

#[test]
fn half_and_oversized_answers_are_not_kept() {
    let with_length = |length| head(200, &[("content-length", length)]);
    assert!(kept(&with_length("3"), false, &["abc"]).is_some());
    assert!(kept(&with_length("4"), false, &["abc"]).is_none(), "cut off");
    assert!(kept(&with_length("11"), false, &[]).is_none(), "too long by its word");
    assert!(kept(&head(200, &[]), false, &["0123456789"]).is_some());
    assert!(kept(&head(200, &[]), false, &["0123456789", "x"]).is_none(), "too long");
    assert!(kept(&head(200, &[("trailer", "x")]), false, &[]).is_none());
}

#[test]
fn a_whole_body_takes_the_place_of_what_passed() {
    let mut storing = Storing::new(rule(&[], 60, false), "k".to_owned(), false, 10);
    assert!(storing.begin(&head(200, &[("content-length", "2")])));
    assert!(storing.add(&Bytes::from_static(b"xyz")));
    storing.whole(Bytes::from_static(b"edited"), Some(HeaderValue::from_static("br")));
    let text = text_of(&storing.finish().unwrap());
    assert!(text.contains("Content-Encoding: br\r\n") && text.ends_with("\r\n\r\nedited"), "{text}");

    let mut storing = Storing::new(rule(&[], 60, false), "k".to_owned(), false, 3);
    assert!(storing.begin(&head(200, &[])));
    storing.whole(Bytes::from_static(b"long"), None);
    assert!(storing.finish().is_none());
}

#[test]
fn what_was_written_is_read() {
    let entry = kept(&head(404, &[("x-a", "\u{e9}"), ("x-a", "2")]), false, &["abc"]).unwrap();
    let value = entry.encode(at(1000));
    let answer = CachedAnswer::decode(&value, false, at(1059)).unwrap();
    let values: Vec<_> = answer.head.headers.get_all("x-a").iter().map(HeaderValue::as_bytes).collect();
    assert_eq!((answer.head.status.as_u16(), &*answer.body), (404, &b"abc"[..]));
    assert_eq!(values, ["\u{e9}".as_bytes(), b"2"]);
    assert!(CachedAnswer::decode(&value, false, at(1060)).is_none(), "expired");
}

#[test]
fn every_form_that_tyk_writes_is_read() {
    let abc = || Some((200, Bytes::from_static(b"abc")));
    assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"), abc());
    assert_eq!(read("HTTP/2.0 200 OK\r\nConnection: close\r\n\r\nabc"), abc());
    assert_eq!(
        read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
        abc()
    );
    assert_eq!(read("HTTP/1.1 204 No Content\r\n\r\n"), Some((204, Bytes::new())));
}

#[test]
fn garbage_is_no_answer() {
    for text in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1 99 OK\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "FTP 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab",
    ] {
        assert_eq!(read(text), None, "{text:?}");
    }
    let fine = "HTTP/1.1 200 OK\r\n\r\n";
    let good = STANDARD.encode(fine);
    for stored in [
        String::new(),
        "|".to_owned(),
        good.clone(),
        format!("{good}|soon"),
        format!("{good}|2000|1"),
        "***|2000".to_owned(),
    ] {
        assert!(CachedAnswer::decode(stored.as_bytes(), false, at(1000)).is_none(), "{stored}");
    }
    assert!(CachedAnswer::decode(&stored(fine, "2000"), false, at(1000)).is_some());
}
