//! A master, its replica and the sentinels that watch them, each with passwords.

use std::{fs, path::Path};

use pinhook::config::{Secret, Storage, StorageKind};
use redis::{Commands as _, ConnectionLike as _};
use tempfile::TempDir;

use super::{Redis, arguments, until};
use crate::support::free_port;

const PASSWORD: &str = "of redis";
const SENTINELS: &str = "of sentinels";

pub(crate) struct Watched {
    first: Redis,
    second: Redis,
    sentinels: Vec<Redis>,
    _folder: TempDir,
}

impl Watched {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secured = arguments(&["--requirepass", PASSWORD, "--masterauth", PASSWORD]);
        let first = Redis::with(|_| secured.clone());
        let second = Redis::with(|_| {
            let master = first.port().to_string();
            let follow = arguments(&["--replicaof", "127.0.0.1", &master, "--repl-diskless-sync-delay", "0"]);
            [secured.clone(), follow].concat()
        });
        until("the replica has a copy", || info(&second, "replication").contains("master_link_status:up"));
        let sentinels: Vec<Redis> =
            (0..2).map(|number| sentinel(folder.path(), number, first.port())).collect();
        let complete = |sentinel: &Redis| {
            let seen = info_with(sentinel, SENTINELS, "sentinel");
            seen.contains("status=ok") && seen.contains("slaves=1") && seen.contains("sentinels=2")
        };
        until("the sentinels know all", || sentinels.iter().all(complete));
        Self { first, second, sentinels, _folder: folder }
    }

    /// The first address is nobody's: any sentinel will do.
    pub(crate) fn storage(&self) -> Storage {
        let ports = [free_port()].into_iter().chain(self.sentinels.iter().map(Redis::port));
        Storage {
            kind: StorageKind::Redis,
            addrs: ports.map(|port| format!("127.0.0.1:{port}")).collect(),
            master_name: "main".to_owned(),
            password: Secret::new(PASSWORD),
            sentinel_password: Secret::new(SENTINELS),
            timeout: 2,
            ..Storage::default()
        }
    }

    /// The master of the start.
    pub(crate) fn first(&mut self) -> &mut Redis {
        &mut self.first
    }

    /// A key as the replica of the start has it.
    pub(crate) fn at_second(&self, key: &str) -> Option<String> {
        connection(&self.second, PASSWORD).get(key).unwrap()
    }

    /// Has the sentinels swap master and replica, both alive.
    pub(crate) fn swap(&self) {
        let mut failover = redis::cmd("SENTINEL");
        failover.arg("FAILOVER").arg("main");
        connection(&self.sentinels[0], SENTINELS).req_command(&failover).unwrap();
        until("the swap", || info(&self.second, "replication").contains("role:master"));
    }
}

fn connection(redis: &Redis, password: &str) -> redis::Connection {
    let login = redis::RedisConnectionInfo::default().set_password(password);
    let address = redis::ConnectionAddr::Tcp("127.0.0.1".to_owned(), redis.port());
    let info = redis::IntoConnectionInfo::into_connection_info(address).unwrap().set_redis_settings(login);
    redis::Client::open(info).unwrap().get_connection().unwrap()
}

fn info(redis: &Redis, section: &str) -> String {
    info_with(redis, PASSWORD, section)
}

fn info_with(redis: &Redis, password: &str, section: &str) -> String {
    redis::cmd("INFO").arg(section).query(&mut connection(redis, password)).unwrap()
}

/// A sentinel rewrites its config file, so each has its own.
fn sentinel(folder: &Path, number: usize, master: u16) -> Redis {
    Redis::sentinel(|port| {
        let file = folder.join(format!("sentinel{number}-{port}.conf"));
        let text = format!(
            "port {port}\nbind 127.0.0.1\nrequirepass \"{SENTINELS}\"\nsentinel sentinel-pass \"{SENTINELS}\"\n\
             sentinel monitor main 127.0.0.1 {master} 1\nsentinel auth-pass main \"{PASSWORD}\"\n\
             sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
        );
        fs::write(&file, text).unwrap();
        file
    })
}
