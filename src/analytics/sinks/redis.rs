//! Lists in Redis, read by Tyk Pump (analytics reference 1).

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Parts, Sink, refused};
use crate::{
    analytics::{Record, msgpack, protobuf},
    error::Result,
    store::{
        Store,
        keys::{ANALYTICS_SHARDS, analytics_list},
    },
};

struct RedisSink {
    store: Arc<dyn Store>,
    encode: fn(&Record<'_>, &mut Vec<u8>),
    lists: Vec<List>,
    turn: usize,
    expiry: Option<Duration>,
}

struct List {
    key: String,
    /// Something was appended since its expiry was last looked at.
    written: bool,
}

pub(super) fn open(parts: Parts<'_>) -> Result<Option<Box<dyn Sink>>> {
    let settings = parts.settings;
    let store = parts.store.ok_or_else(|| refused("sink redis needs a Redis", "storage.type redis"))?;
    let shards: Vec<Option<u8>> =
        if settings.multiple_lists { (0..ANALYTICS_SHARDS).map(Some).collect() } else { vec![None] };
    let lists = shards.into_iter().map(|shard| analytics_list(shard, settings.protobuf));
    Ok(Some(Box::new(RedisSink {
        store,
        encode: if settings.protobuf { protobuf::encode } else { msgpack::encode },
        lists: lists.map(|key| List { key, written: false }).collect(),
        turn: 0,
        expiry: settings.list_expiry,
    })))
}

#[async_trait]
impl Sink for RedisSink {
    fn encode(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        (self.encode)(record, out);
    }

    async fn ready(&mut self) -> Result<()> {
        self.store.ping().await
    }

    /// One batch goes to one list, the lists in turn: as even as Tyk's random choice.
    async fn write(&mut self, items: &[Bytes]) -> Result<()> {
        self.turn = (self.turn + 1) % self.lists.len().max(1);
        let Some(list) = self.lists.get_mut(self.turn) else { return Ok(()) };
        list.written = true;
        self.store.push(&list.key, items).await
    }

    /// Gives an expiry to lists that have none: the pump deletes what it reads, so a list is new after each of its
    /// rounds. An expiry is never renewed, as Tyk never does; protobuf lists get one too, which Tyk forgets.
    async fn tend(&mut self) -> Result<()> {
        let Some(expiry) = self.expiry else { return Ok(()) };
        for list in self.lists.iter_mut().filter(|list| list.written) {
            if self.store.ttl(&list.key).await?.is_none() {
                self.store.expire(&list.key, expiry).await?;
            }
            list.written = false;
        }
        Ok(())
    }
}
