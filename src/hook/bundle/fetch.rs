//! Gets a bundle from where `bundle_base_url` points (plugins reference 7.5).

use std::{fs, path::Path, thread, time::Duration};

use bytes::Bytes;
use http::StatusCode;
use reqwest::Url;
use tokio::runtime::{Builder, Handle};

use super::BundleError;
use crate::{
    error::Result,
    upstream::{Call, Client, Reply},
};

/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pauses between tries.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// Bytes that a zip may have.
const MOST_BYTES: usize = 256 << 20;

/// The zip of that name. Network trouble is tried again, an answer other than 200 is not a bundle.
pub(super) fn fetch(client: &Client, base: &str, name: &str, verify: bool) -> Result<Bytes, BundleError> {
    let from = format!("{}/{name}", base.trim_end_matches('/'));
    let failed = |reason: String| BundleError::Fetch { from: from.clone(), reason };
    let url = Url::parse(&from).map_err(|error| failed(error.to_string()))?;
    match url.scheme() {
        "file" => fs::read(Path::new(url.path())).map(Bytes::from).map_err(|error| failed(error.to_string())),
        "http" | "https" => {
            let call = Call { timeout: PATIENCE, limit: MOST_BYTES, verify, ..Call::get(url) };
            let reply = download(client, &call).map_err(failed)?;
            match reply.status {
                StatusCode::OK => Ok(reply.body),
                other => Err(failed(format!("HTTP Error, got status code {}", other.as_u16()))),
            }
        }
        other => Err(failed(format!("Unknown URL scheme {other:?}: expected http, https or file"))),
    }
}

/// Waits for the answer on this thread.
fn download(client: &Client, call: &Call) -> Result<Reply, String> {
    let tries = || {
        let mut pauses = PAUSES.iter();
        loop {
            match wait(client.send(call.clone()))? {
                Ok(reply) => return Ok(reply),
                Err(error) => match pauses.next() {
                    Some(pause) => {
                        tracing::warn!(
                            url = call.url,
                            error = error.chain(),
                            "a bundle could not be fetched, trying again"
                        );
                        thread::sleep(*pause);
                    }
                    None => return Err(error.chain()),
                },
            }
        }
    };
    tries()
}

/// Runs to its end on this thread, which serves no requests: that of a reload, or of a command without a runtime.
fn wait<T>(work: impl Future<Output = T>) -> Result<T, String> {
    match Handle::try_current() {
        Ok(handle) => Ok(handle.block_on(work)),
        Err(_) => {
            let runtime = Builder::new_current_thread().enable_all().build();
            Ok(runtime.map_err(|error| error.to_string())?.block_on(work))
        }
    }
}
