//! Lines of JSON on standard output, for containers. Logs go to standard error, so the two do not mix.

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncWriteExt, Stdout, stdout};

use super::{Parts, Sink};
use crate::{
    analytics::{Record, json},
    error::{Error, Result},
};

struct StdoutSink {
    out: Stdout,
}

pub(super) fn open(_parts: Parts<'_>) -> Result<Option<Box<dyn Sink>>> {
    Ok(Some(Box::new(StdoutSink { out: stdout() })))
}

#[async_trait]
impl Sink for StdoutSink {
    fn encode(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        json::encode(record, out);
    }

    async fn write(&mut self, items: &[Bytes]) -> Result<()> {
        let fault = |source| Error::Io { what: "cannot write to standard output".to_owned(), source };
        self.out.write_all(&items.concat()).await.map_err(fault)?;
        self.out.flush().await.map_err(fault)
    }
}
