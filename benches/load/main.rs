//! Drives any base URL over kept connections and prints what it saw: `make load URL=http://127.0.0.1:8080/`.
//!
//! A closed loop: each connection sends its next request when the last answer is whole. So two gateways are
//! compared by running this against both, in turn; for CPU per request use the kit that watches processes.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for a terminal")]

use std::{
    env, io,
    process::ExitCode,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
};

const USAGE: &str =
    "usage: load http://HOST:PORT/PATH [--connections N] [--seconds N] [--header 'NAME: VALUE']";

struct Plan {
    authority: String,
    request: Vec<u8>,
    connections: usize,
    length: Duration,
}

#[derive(Default)]
struct Seen {
    times: Vec<Duration>,
    failed: u64,
}

fn main() -> ExitCode {
    // `cargo bench` adds this one by itself.
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let plan = match Plan::read(&args) {
        Ok(plan) => plan,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Ok(runtime) = tokio::runtime::Runtime::new() else { return ExitCode::FAILURE };
    let seen = runtime.block_on(plan.run());
    seen.print(plan.length);
    if seen.times.is_empty() || seen.failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

impl Plan {
    fn read(args: &[String]) -> Result<Self, String> {
        let (mut url, mut connections, mut seconds, mut headers) = (None, 32, 5, String::new());
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} wants a value"));
            match arg.as_str() {
                "--connections" => connections = number(value()?)?,
                "--seconds" => seconds = number(value()?)?,
                "--header" => headers.push_str(&format!("{}\r\n", value()?)),
                other => url = Some(other),
            }
        }
        let url = url.ok_or("no URL")?;
        let rest = url.strip_prefix("http://").ok_or("the URL must begin with http://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let request = format!("GET /{path} HTTP/1.1\r\nHost: {authority}\r\n{headers}\r\n");
        Ok(Self {
            authority: authority.to_owned(),
            request: request.into_bytes(),
            connections,
            length: Duration::from_secs(seconds as u64),
        })
    }

    async fn run(&self) -> Seen {
        let end = Instant::now() + self.length;
        let mut tasks = JoinSet::new();
        for _ in 0..self.connections {
            tasks.spawn(connection(self.authority.clone(), self.request.clone(), end));
        }
        let mut all = Seen::default();
        while let Some(seen) = tasks.join_next().await {
            let seen = seen.unwrap_or_default();
            all.times.extend(seen.times);
            all.failed += seen.failed;
        }
        all.times.sort_unstable();
        all
    }
}

async fn connection(authority: String, request: Vec<u8>, end: Instant) -> Seen {
    let mut seen = Seen::default();
    while Instant::now() < end {
        let Ok(stream) = TcpStream::connect(&authority).await else {
            seen.failed += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        // A connection that the server closes in order is no failure; the next one takes over.
        if requests(BufReader::new(stream), &request, end, &mut seen).await.is_err() {
            seen.failed += 1;
        }
    }
    seen
}

async fn requests(
    mut stream: BufReader<TcpStream>,
    request: &[u8],
    end: Instant,
    seen: &mut Seen,
) -> io::Result<()> {
    while Instant::now() < end {
        let started = Instant::now();
        stream.write_all(request).await?;
        let kept = answer(&mut stream).await?;
        seen.times.push(started.elapsed());
        if !kept {
            break;
        }
    }
    Ok(())
}

/// Reads one answer to its end; true if the connection can be used again.
async fn answer(stream: &mut BufReader<TcpStream>) -> io::Result<bool> {
    let bad = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    if !line.starts_with("HTTP/1.1 2") {
        return Err(bad(&line));
    }
    let (mut length, mut chunked, mut kept) = (0, false, true);
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(|_| bad(&header))?;
        }
        chunked |= header == "transfer-encoding: chunked";
        kept &= header != "connection: close";
    }
    let mut body = Vec::new();
    if !chunked {
        body.resize(length, 0);
        stream.read_exact(&mut body).await?;
        return Ok(kept);
    }
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let size = usize::from_str_radix(line.trim_end(), 16).map_err(|_| bad(&line))?;
        body.resize(size + 2, 0);
        stream.read_exact(&mut body).await?;
        if size == 0 {
            return Ok(kept);
        }
    }
}

impl Seen {
    fn print(&self, length: Duration) {
        let at = |part: f64| {
            let index = (self.times.len() as f64 * part) as usize;
            self.times.get(index.min(self.times.len().saturating_sub(1))).copied().unwrap_or_default()
        };
        println!(
            "{} requests, {} failed, {:.0}/s, p50 {:?}, p99 {:?}, p99.9 {:?}, longest {:?}",
            self.times.len(),
            self.failed,
            self.times.len() as f64 / length.as_secs_f64(),
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0),
        );
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}
