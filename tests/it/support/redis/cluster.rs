//! A Redis Cluster: three masters, and a replica of the first if asked for.

use pinhook::config::{Storage, StorageKind};
use tempfile::TempDir;

use super::{Redis, arguments, until};

const MASTERS: usize = 3;
/// Slots of the masters: the first and the last.
const SLOTS: [(&str, &str); MASTERS] = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];

pub(crate) struct Cluster {
    nodes: Vec<Redis>,
    _folder: TempDir,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        Self::with(MASTERS)
    }

    /// The first master has a replica, which takes over after a second of silence.
    pub(crate) fn with_a_replica() -> Self {
        Self::with(MASTERS + 1)
    }

    fn with(count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nodes: Vec<Redis> = (0..count).map(|_| node(&folder)).collect();
        for (node, (first, last)) in nodes.iter().zip(SLOTS) {
            node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", first, last]);
        }
        let Some((first, others)) = nodes.split_first() else { panic!("no nodes") };
        for other in others {
            let (port, bus) = (other.port().to_string(), bus(other.port()).to_string());
            first.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
        let info = |node: &Redis| node.ask::<String>(&["CLUSTER", "INFO"]);
        let met = format!("cluster_known_nodes:{count}\r");
        until("the nodes know each other", || nodes.iter().all(|node| info(node).contains(&met)));
        let replicas = nodes.get(MASTERS..).unwrap_or_default();
        for replica in replicas {
            let master: String = first.ask(&["CLUSTER", "MYID"]);
            until("the replica follows", || {
                replica.try_ask::<()>(&["CLUSTER", "REPLICATE", &master]).is_ok()
            });
        }
        let well = |node: &Redis| info(node).contains("cluster_state:ok");
        until("the cluster is well", || nodes.iter().all(well));
        let linked =
            |node: &Redis| node.ask::<String>(&["INFO", "replication"]).contains("master_link_status:up");
        until("the replica has a copy", || replicas.iter().all(linked));
        Self { nodes, _folder: folder }
    }

    pub(crate) fn storage(&self) -> Storage {
        Storage {
            kind: StorageKind::Redis,
            addrs: self.nodes.iter().take(MASTERS).map(|node| format!("127.0.0.1:{}", node.port())).collect(),
            enable_cluster: true,
            timeout: 2,
            ..Storage::default()
        }
    }

    /// The node at this place: masters first.
    pub(crate) fn node(&mut self, place: usize) -> &mut Redis {
        &mut self.nodes[place]
    }
}

/// Where nodes talk to each other: Redis' own choice lies beyond the last port for many a free one.
fn bus(port: u16) -> u16 {
    if port > 40_000 { port - 10_000 } else { port + 10_000 }
}

fn node(folder: &TempDir) -> Redis {
    Redis::with(|port| {
        let file = folder.path().join(format!("{port}.conf")).display().to_string();
        let mut all = arguments(&["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"]);
        all.extend(arguments(&["--cluster-config-file", &file, "--cluster-port", &bus(port).to_string()]));
        all.extend(arguments(&["--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0"]));
        all
    })
}
