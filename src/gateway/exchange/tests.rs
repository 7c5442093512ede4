use std::io::Write;

use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};

use super::*;

fn head(coding: &str) -> ResponseHeader {
    let mut head = ResponseHeader::build(200, None).unwrap();
    head.insert_header("Content-Encoding", coding).unwrap();
    head
}

fn decoded(coding: &str, body: &[u8], limit: usize) -> std::result::Result<Option<String>, u16> {
    match decode(&head(coding), &Bytes::copy_from_slice(body), limit) {
        Ok(text) => Ok(text.map(|text| String::from_utf8(text.to_vec()).unwrap())),
        Err(error) => Err(error.status()),
    }
}

#[test]
fn the_usual_codings_are_read() {
    let level = Compression::fast();
    let mut gzip = GzEncoder::new(Vec::new(), level);
    let mut zlib = ZlibEncoder::new(Vec::new(), level);
    let mut bare = DeflateEncoder::new(Vec::new(), level);
    for writer in [&mut gzip as &mut dyn Write, &mut zlib, &mut bare] {
        writer.write_all(b"some text").unwrap();
    }
    let (gzip, zlib, bare) = (gzip.finish().unwrap(), zlib.finish().unwrap(), bare.finish().unwrap());
    // One uncompressed block: the shortest that brotli can say it with.
    let brotli = b"\x0b\x04\x80some text\x03";
    for (coding, body) in [
        ("gzip", &gzip[..]),
        ("x-gzip", &gzip),
        (" GZIP", &gzip),
        ("deflate", &zlib),
        ("deflate", &bare),
        ("br", brotli),
    ] {
        assert_eq!(decoded(coding, body, 9), Ok(Some("some text".into())), "{coding}");
        assert_eq!(decoded(coding, body, 8), Err(502), "{coding}");
        assert_eq!(decoded(coding, body.get(..body.len() / 2).unwrap(), 9), Ok(None), "{coding}, cut off");
    }
    for (coding, body) in [("identity", &b"x"[..]), ("zstd", b"x"), ("gzip, br", b"x"), ("gzip", b"")] {
        assert_eq!(decoded(coding, body, 9), Ok(None), "{coding}");
    }
}

#[test]
fn streams_are_never_held() {
    let never = |status: u16, kind: &str| {
        let mut head = ResponseHeader::build(status, None).unwrap();
        head.insert_header("Content-Type", kind).unwrap();
        is_never_held(&head)
    };
    for (status, kind, expected) in [
        (200, "text/event-stream", true),
        (200, "Text/Event-Stream; charset=utf-8", true),
        (200, "application/grpc+proto", true),
        (101, "", true),
        (200, "text/event", false),
        (200, "", false),
    ] {
        assert_eq!(never(status, kind), expected, "{status} {kind}");
    }
}
