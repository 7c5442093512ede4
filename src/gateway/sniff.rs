//! The content type of an answer that names none, told from its first bytes just as Go's `http.DetectContentType` does:
//! clients of plugins rely on what Tyk's answers said (recorded: JSON is `text/plain`).
//!
//! Written out here: the known crates follow other tables (they find JSON, or tell `audio/wav`). Decided 2026-11.

use http::{StatusCode, header};
use pingora_http::ResponseHeader;

/// How much of a body is looked at.
const LOOK: usize = 512;
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const BINARY: &str = "application/octet-stream";

/// Tags that begin an HTML text, in any case, with a space or `>` behind.
const TAGS: [&[u8]; 17] = [
    b"<!DOCTYPE HTML",
    b"<HTML",
    b"<HEAD",
    b"<SCRIPT",
    b"<IFRAME",
    b"<H1",
    b"<DIV",
    b"<FONT",
    b"<TABLE",
    b"<A",
    b"<STYLE",
    b"<TITLE",
    b"<B",
    b"<BODY",
    b"<BR",
    b"<P",
    b"<!--",
];

/// First bytes, where the next ones are, those, the least length, the type.
struct Magic(&'static [u8], usize, &'static [u8], usize, &'static str);

const fn begins(bytes: &'static [u8], name: &'static str) -> Magic {
    Magic(bytes, 0, b"", bytes.len(), name)
}

const MAGIC: &[Magic] = &[
    begins(b"%PDF-", "application/pdf"),
    begins(b"%!PS-Adobe-", "application/postscript"),
    Magic(b"\xfe\xff", 0, b"", 4, "text/plain; charset=utf-16be"),
    Magic(b"\xff\xfe", 0, b"", 4, "text/plain; charset=utf-16le"),
    Magic(b"\xef\xbb\xbf", 0, b"", 4, TEXT),
    begins(b"\x00\x00\x01\x00", "image/x-icon"),
    begins(b"\x00\x00\x02\x00", "image/x-icon"),
    begins(b"BM", "image/bmp"),
    begins(b"GIF87a", "image/gif"),
    begins(b"GIF89a", "image/gif"),
    Magic(b"RIFF", 8, b"WEBPVP", 14, "image/webp"),
    begins(b"\x89PNG\x0d\x0a\x1a\x0a", "image/png"),
    begins(b"\xff\xd8\xff", "image/jpeg"),
    Magic(b"FORM", 8, b"AIFF", 12, "audio/aiff"),
    begins(b"ID3", "audio/mpeg"),
    begins(b"OggS\x00", "application/ogg"),
    begins(b"MThd\x00\x00\x00\x06", "audio/midi"),
    Magic(b"RIFF", 8, b"AVI ", 12, "video/avi"),
    Magic(b"RIFF", 8, b"WAVE", 12, "audio/wave"),
];

const MORE_MAGIC: &[Magic] = &[
    begins(b"\x1a\x45\xdf\xa3", "video/webm"),
    Magic(b"", 34, b"LP", 36, "application/vnd.ms-fontobject"),
    begins(b"\x00\x01\x00\x00", "font/ttf"),
    begins(b"OTTO", "font/otf"),
    begins(b"ttcf", "font/collection"),
    begins(b"wOFF", "font/woff"),
    begins(b"wOF2", "font/woff2"),
    begins(b"\x1f\x8b\x08", "application/x-gzip"),
    begins(b"PK\x03\x04", "application/zip"),
    begins(b"Rar!\x1a\x07\x00", "application/x-rar-compressed"),
    begins(b"Rar!\x1a\x07\x01\x00", "application/x-rar-compressed"),
    begins(b"\x00\x61\x73\x6d", "application/wasm"),
];

/// Names the type of a body whose head does not, where Go would.
pub(super) fn name_type(head: &mut ResponseHeader, body: &[u8]) -> pingora_core::Result<()> {
    let bodiless = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let told =
        [header::CONTENT_TYPE, header::CONTENT_ENCODING].iter().any(|name| head.headers.contains_key(name));
    if body.is_empty() || bodiless || told {
        return Ok(());
    }
    head.insert_header(header::CONTENT_TYPE, content_type(body))
}

fn content_type(body: &[u8]) -> &'static str {
    let data = body.get(..LOOK).unwrap_or(body);
    let blank = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ');
    let start = data.iter().position(|byte| !blank(byte)).unwrap_or(data.len());
    let text = data.get(start..).unwrap_or_default();
    if TAGS.iter().any(|tag| is_tag(text, tag)) {
        return HTML;
    }
    if text.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    if let Some(name) = find(MAGIC, data) {
        return name;
    }
    if is_mp4(data) {
        return "video/mp4";
    }
    if let Some(name) = find(MORE_MAGIC, data) {
        return name;
    }
    if text.iter().any(|byte| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f)) {
        BINARY
    } else {
        TEXT
    }
}

fn is_tag(text: &[u8], tag: &[u8]) -> bool {
    let same = text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
    same && matches!(text.get(tag.len()), Some(b' ' | b'>'))
}

fn find(table: &[Magic], data: &[u8]) -> Option<&'static str> {
    let fits = |Magic(first, at, next, least, _): &&Magic| {
        data.len() >= *least
            && data.starts_with(first)
            && data.get(*at..).is_some_and(|rest| next.is_empty() || rest.starts_with(next))
            // Where nothing is said of the first bytes they are zero.
            && (!first.is_empty() || data.iter().take(*at).all(|byte| *byte == 0))
    };
    table.iter().find(fits).map(|magic| magic.4)
}

/// A box of type `ftyp` with a brand that begins with `mp4`.
fn is_mp4(data: &[u8]) -> bool {
    let Some(size) = data.first_chunk().map(|size| u32::from_be_bytes(*size) as usize) else { return false };
    if data.len() < 12 || data.len() < size || size % 4 != 0 || data.get(4..8) != Some(b"ftyp") {
        return false;
    }
    // The four bytes behind the first brand are a version.
    (8..size).step_by(4).filter(|at| *at != 12).any(|at| data.get(at..at + 3) == Some(b"mp4"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_that_go_tells() {
        let mut fonts = vec![0; 34];
        fonts.extend(b"LP");
        for (body, name) in [
            (&b"{\"a\":1}"[..], TEXT),
            (b"plain", TEXT),
            ("\u{fc}".as_bytes(), TEXT),
            (b"\xef\xbb\xbfbom", TEXT),
            (b" \n<html>", HTML),
            (b"<!doctype html>", HTML),
            (b"<a href='x'>", HTML),
            (b"<abc>", TEXT),
            (b"<p", TEXT),
            (b"  <?xml version='1.0'?>", "text/xml; charset=utf-8"),
            (b"\x89PNG\x0d\x0a\x1a\x0a", "image/png"),
            (b"\x89PNG", TEXT),
            (b"GIF89a...", "image/gif"),
            (b"RIFF....WEBPVP8 ", "image/webp"),
            (b"RIFF....WAVEfmt ", "audio/wave"),
            (b"PK\x03\x04zip", "application/zip"),
            (b"\x1f\x8b\x08", "application/x-gzip"),
            (b"\x00\x00\x00\x10ftypmp42\x00\x00\x00\x00", "video/mp4"),
            (b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00", BINARY),
            (&fonts, "application/vnd.ms-fontobject"),
            (b"\x00\xff\xfe\x0a\xc8", BINARY),
            (b"\xfe\xff\x00a", "text/plain; charset=utf-16be"),
        ] {
            assert_eq!(content_type(body), name, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn a_type_is_named_only_where_there_is_none() {
        let named = |status: u16, set: Option<(&'static str, &'static str)>, body: &[u8]| {
            let mut head = ResponseHeader::build(status, None).unwrap();
            if let Some((name, value)) = set {
                head.insert_header(name, value).unwrap();
            }
            name_type(&mut head, body).unwrap();
            head.headers.get("content-type").map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(named(200, None, b"x").as_deref(), Some(TEXT));
        assert_eq!(named(200, Some(("Content-Type", "a/b")), b"x").as_deref(), Some("a/b"));
        assert_eq!(named(200, Some(("Content-Encoding", "gzip")), b"x"), None);
        assert_eq!(named(200, None, b""), None);
        assert_eq!(named(204, None, b"x"), None);
    }
}
