//! Lines of JSON at the end of a file. It is opened for each batch, so a rotation needs no signal.

use std::{io, path::PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{fs::OpenOptions, io::AsyncWriteExt};

use super::{Parts, Sink, refused};
use crate::{
    analytics::{Record, json},
    error::{Error, Result},
};

struct FileSink {
    path: PathBuf,
}

pub(super) fn open(parts: Parts<'_>) -> Result<Option<Box<dyn Sink>>> {
    let path = parts.settings.file.clone();
    if path.as_os_str().is_empty() {
        return Err(refused("sink file needs a path", "the path of a file"));
    }
    Ok(Some(Box::new(FileSink { path })))
}

#[async_trait]
impl Sink for FileSink {
    fn encode(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        json::encode(record, out);
    }

    async fn write(&mut self, items: &[Bytes]) -> Result<()> {
        let appended = append(&self.path, &items.concat()).await;
        appended
            .map_err(|source| Error::Io { what: format!("cannot append to {}", self.path.display()), source })
    }
}

async fn append(path: &PathBuf, lines: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path).await?;
    file.write_all(lines).await?;
    file.flush().await
}
