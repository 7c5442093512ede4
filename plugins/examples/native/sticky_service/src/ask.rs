//! One question over HTTP, by hand, so that the example needs no crate for it. In your own plugin any blocking client
//! will do (for example `ureq`, kept in a `static LazyLock`, so that connections are reused).

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

use pinhook_plugin::{Error, Result};

/// An answer is an address, so it is short.
const MAX_ANSWER: usize = 16 * 1024;

/// Asks the service at `url`. `None`: it is well, but knows no address.
///
/// The time limit covers everything but the name look-up, for which the system offers none.
pub fn ask(url: &str, question: &[(&str, &str)], timeout: Duration) -> Result<Option<String>> {
    let deadline = Instant::now() + timeout;
    let (host, path) = url
        .strip_prefix("http://")
        .map(|rest| rest.split_once('/').unwrap_or((rest, "")))
        .ok_or_else(|| Error::new("the service's URL must start with http://"))?;
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let socket =
        address.to_socket_addrs()?.next().ok_or_else(|| Error::new("the service's name has no address"))?;

    let mut stream = TcpStream::connect_timeout(&socket, left(deadline)?)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    // HTTP/1.0: the answer ends with the connection and is never chunked.
    write!(
        stream,
        "GET /{path}?{} HTTP/1.0\r\nHost: {host}\r\nAccept: text/plain\r\n\r\n",
        encode(question)
    )?;

    let mut answer = Vec::new();
    let mut chunk = [0; 1024];
    while answer.len() < MAX_ANSWER {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut chunk)? {
            0 => return parse(&answer),
            read => answer.extend(chunk.iter().take(read)),
        }
    }
    Err(Error::new("the service's answer is too long"))
}

fn left(deadline: Instant) -> Result<Duration> {
    deadline
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
        .ok_or_else(|| Error::new("the service took too long"))
}

fn parse(answer: &[u8]) -> Result<Option<String>> {
    let answer = std::str::from_utf8(answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| Error::new("the answer has no head"))?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    match (status, body.trim()) {
        ("200", "") | ("204" | "404", _) => Ok(None),
        ("200", address) => Ok(Some(address.to_owned())),
        _ => Err(Error::new(format!("it answered with status {status}"))),
    }
}

fn encode(question: &[(&str, &str)]) -> String {
    let mut query = String::new();
    for (name, value) in question {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    query.push(char::from(byte))
                }
                // Writing to a String cannot fail.
                _ => drop(write!(query, "%{byte:02X}")),
            }
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_cannot_break_out_of_its_parameter() {
        assert_eq!(
            encode(&[("key", "a b&c=d\r\n"), ("path", "/ü")]),
            "key=a%20b%26c%3Dd%0D%0A&path=%2F%C3%BC"
        );
    }

    #[test]
    fn only_200_with_a_text_is_an_address() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n\r\nhttp://a:1\n").unwrap().as_deref(), Some("http://a:1"));
        assert_eq!(parse(b"HTTP/1.1 404 Not Found\r\n\r\nnope").unwrap(), None);
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n\r\n").unwrap(), None);
        assert!(parse(b"HTTP/1.1 500 Oops\r\n\r\nhttp://a:1").is_err());
        assert!(parse(b"garbage").is_err());
    }
}
