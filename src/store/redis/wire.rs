//! What a command goes over: one multiplexed connection to a node, or one to each node of a cluster.

use futures_util::future::select_ok;
use redis::{
    Client, Cmd, Pipeline, RedisError, RedisFuture, RedisResult, ServerErrorKind, Value,
    aio::{ConnectionLike, MultiplexedConnection, PubSub},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    cluster_routing::{MultipleNodeRoutingInfo::AllMasters, ResponsePolicy, RoutingInfo},
    cmd, from_redis_value,
};

use super::settings::{Kind, Settings, connect};
use crate::config::Secret;

/// An open way to Redis; clones share it.
#[derive(Clone)]
pub(super) enum Wire {
    Node(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Wire {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Node(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Node(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Node(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

/// Opens wires.
pub(super) enum Dialer {
    Node(Client),
    Cluster { cluster: Box<ClusterClient>, nodes: Vec<Client> },
    Sentinel { settings: Box<Settings>, sentinels: Vec<Client>, master: String },
}

impl Dialer {
    /// Checks the settings; opens nothing.
    pub(super) fn new(settings: Settings) -> RedisResult<Self> {
        Ok(match &settings.kind {
            Kind::Node => Self::Node(settings.node()?),
            Kind::Cluster => {
                let nodes = settings.addresses.iter().map(|(host, port)| settings.client(host, *port));
                Self::Cluster {
                    cluster: Box::new(settings.cluster()?),
                    nodes: nodes.collect::<RedisResult<_>>()?,
                }
            }
            Kind::Sentinel(master, password) => {
                let sentinels = sentinels(&settings, password)?;
                Self::Sentinel { master: master.clone(), sentinels, settings: Box::new(settings) }
            }
        })
    }

    /// Opens a wire over which commands have been answered.
    pub(super) async fn dial(&self) -> RedisResult<Wire> {
        match self {
            Self::Node(client) => {
                let mut wire = Wire::Node(connect(client).await?);
                self.look(&mut wire).await?;
                Ok(wire)
            }
            Self::Cluster { cluster, .. } => {
                let mut wire = Wire::Cluster(cluster.get_async_connection().await?);
                self.look(&mut wire).await?;
                Ok(wire)
            }
            Self::Sentinel { .. } => Ok(Wire::Node(self.master().await?.1)),
        }
    }

    /// Succeeds while the wire leads to who it should. In a cluster one master is enough: keys of the others fail
    /// by themselves.
    pub(super) async fn look(&self, wire: &mut Wire) -> RedisResult<()> {
        let answer = match (self, wire) {
            (Self::Sentinel { .. }, Wire::Node(connection)) => return is_master(connection).await,
            (_, Wire::Node(connection)) => cmd("PING").exec_async(connection).await,
            (_, Wire::Cluster(connection)) => {
                let any = RoutingInfo::MultiNode((AllMasters, Some(ResponsePolicy::OneSucceeded)));
                connection.route_command(cmd("PING"), any).await.map(drop)
            }
        };
        answered(answer)
    }

    /// A connection that hears what is published. In a cluster every node does.
    pub(super) async fn listener(&self) -> RedisResult<PubSub> {
        match self {
            Self::Node(client) => client.get_async_pubsub().await,
            Self::Cluster { nodes, .. } => {
                let opening = nodes.iter().map(|node| Box::pin(node.get_async_pubsub()));
                Ok(select_ok(opening).await?.0)
            }
            Self::Sentinel { .. } => self.master().await?.0.get_async_pubsub().await,
        }
    }

    /// The master that any sentinel names and that takes itself for one: while a set changes over, sentinels may
    /// name different ones.
    async fn master(&self) -> RedisResult<(Client, MultiplexedConnection)> {
        let Self::Sentinel { settings, sentinels, master } = self else {
            return Err(unavailable("no sentinels"));
        };
        let asking = sentinels.iter().map(|sentinel| {
            Box::pin(async move {
                let client = named_master(settings, sentinel, master).await?;
                let mut connection = connect(&client).await?;
                is_master(&mut connection).await?;
                Ok::<_, RedisError>((client, connection))
            })
        });
        Ok(select_ok(asking).await?.0)
    }
}

fn sentinels(settings: &Settings, password: &Secret) -> RedisResult<Vec<Client>> {
    settings.addresses.iter().map(|(host, port)| settings.sentinel(host, *port, password)).collect()
}

async fn named_master(settings: &Settings, sentinel: &Client, name: &str) -> RedisResult<Client> {
    let mut connection = connect(sentinel).await?;
    let mut ask = cmd("SENTINEL");
    ask.arg("get-master-addr-by-name").arg(name);
    let address: Option<(String, u16)> = ask.query_async(&mut connection).await?;
    let (host, port) = address.ok_or_else(|| unavailable("the sentinel knows no master of that name"))?;
    settings.client(&host, port)
}

/// A master that was voted out answers as a replica when it comes back, and would read what is old.
async fn is_master(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    let role: RedisResult<Vec<Value>> = cmd("ROLE").query_async(connection).await;
    let role = match role {
        Ok(role) => role,
        Err(error) => return answered(Err(error)),
    };
    let role: String = from_redis_value(role.into_iter().next().unwrap_or(Value::Nil))?;
    if role == "master" { Ok(()) } else { Err(unavailable("it is no master")) }
}

/// A user who may not ask has been answered all the same.
fn answered(answer: RedisResult<()>) -> RedisResult<()> {
    let forbidden = redis::ErrorKind::Server(ServerErrorKind::NoPerm);
    match answer {
        Err(error) if error.kind() == forbidden => Ok(()),
        answer => answer,
    }
}

fn unavailable(what: &'static str) -> RedisError {
    (redis::ErrorKind::Io, what).into()
}
