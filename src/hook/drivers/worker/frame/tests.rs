use super::*;

fn bytes_of(frame: Outgoing) -> Vec<u8> {
    let (first, more) = frame.into_pieces();
    [first].into_iter().chain(more).flatten().collect()
}

fn reply(parts: Vec<Part>) -> Vec<u8> {
    bytes_of(Outgoing::new(Kind::Reply, 7, 0, &serde_json::json!({"a": 1}), parts).unwrap())
}

fn decode(decoder: &mut Decoder) -> Option<Event> {
    decoder.next().unwrap()
}

#[test]
fn a_frame_comes_as_it_was_sent() {
    let parts = vec![None, Some(Bytes::from_static(b"body")), Some(Bytes::new()), None];
    let mut decoder = Decoder::new(1 << 20);
    decoder.input.extend_from_slice(&reply(parts));
    let Some(Event::Frame(frame)) = decode(&mut decoder) else { panic!("no frame") };
    assert_eq!((frame.kind, frame.id, &*frame.head), (Kind::Reply, 7, &b"{\"a\":1}"[..]));
    assert_eq!(frame.parts, [None, Some(Bytes::from_static(b"body")), Some(Bytes::new())]);
    assert!(decode(&mut decoder).is_none());
}

#[test]
fn large_parts_are_not_copied_and_come_whole_in_pieces() {
    let body = Bytes::from(vec![b'x'; 100_000]);
    let sent = reply(vec![Some(body.clone())]);
    let mut decoder = Decoder::new(1 << 20);
    for piece in sent.chunks(999) {
        assert!(decode(&mut decoder).is_none());
        decoder.input.extend_from_slice(piece);
    }
    let Some(Event::Frame(frame)) = decode(&mut decoder) else { panic!("no frame") };
    assert_eq!(frame.parts, [Some(body)]);
}

#[test]
fn one_that_is_too_large_is_skipped_and_the_next_is_read() {
    let mut decoder = Decoder::new(0);
    let mut sent = reply(vec![Some(Bytes::from(vec![0; 2 << 20]))]);
    sent.extend(reply(Vec::new()));
    let mut seen = Vec::new();
    for piece in sent.chunks(100_000) {
        decoder.input.extend_from_slice(piece);
        while let Some(event) = decode(&mut decoder) {
            seen.push(matches!(event, Event::TooLarge { kind: Kind::Reply, id: 7 }));
        }
    }
    assert_eq!(seen, [true, false]);
}

#[test]
fn what_is_no_frame_is_told() {
    let cases: [(usize, u8); 4] = [(3, 0xff), (4, 99), (5, 1), (16, 200)];
    for (at, byte) in cases {
        let mut sent = reply(Vec::new());
        sent[at] = byte;
        let mut decoder = Decoder::new(1 << 20);
        decoder.input.extend_from_slice(&sent);
        assert!(decoder.next().is_err(), "byte {at}");
    }
    let mut decoder = Decoder::new(1 << 20);
    decoder.input.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert!(decoder.next().is_err());
}
