//! Walking over the keys of a Redis, page by page, each page within the store's timeout.

use redis::{
    Cmd, Value,
    cluster_routing::{MultipleNodeRoutingInfo::AllMasters, RoutingInfo, SingleNodeRoutingInfo},
    cmd, from_redis_value,
};

use super::{fault, link::Link, settings::split, wire::Wire};
use crate::error::Result;

/// A cursor and the keys before it.
type Page = (u64, Vec<String>);

/// Every key that begins so. In a cluster every master is asked for its own.
pub(super) async fn keys(link: &Link, prefix: &str) -> Result<Vec<String>> {
    let pattern = format!("{}*", escaped(prefix));
    let mut found = Vec::new();
    let mut open = first(link, &pattern).await?;
    while let Some((node, (mut cursor, keys))) = open.pop() {
        found.extend(keys);
        while cursor != 0 {
            let keys;
            (cursor, keys) = next(link, node.as_ref(), cursor, &pattern).await?;
            found.extend(keys);
        }
    }
    // A key may be met twice while Redis rearranges its table.
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Where a page came from; `None` when there is one node only.
type Node = Option<(String, u16)>;

/// The first page of each node.
async fn first(link: &Link, pattern: &str) -> Result<Vec<(Node, Page)>> {
    let command = scan(0, pattern);
    let answer: Vec<(Node, Value)> = link
        .over(async |wire| match wire {
            Wire::Node(mut connection) => Ok(vec![(None, command.query_async(&mut connection).await?)]),
            Wire::Cluster(mut connection) => {
                let everybody = RoutingInfo::MultiNode((AllMasters, None));
                let answers = connection.route_command(command, everybody).await?;
                let answers: Vec<(String, Value)> = from_redis_value(answers)?;
                Ok(answers.into_iter().map(|(node, page)| (split(&node), page)).collect())
            }
        })
        .await?;
    let page =
        |(node, page): (Node, Value)| match page.extract_error().and_then(|page| Ok(from_redis_value(page)?))
        {
            Ok(page) => Ok((node, page)),
            Err(error) => Err(fault(error)),
        };
    answer.into_iter().map(page).collect()
}

async fn next(link: &Link, node: Option<&(String, u16)>, cursor: u64, pattern: &str) -> Result<Page> {
    let command = scan(cursor, pattern);
    link.over(async |wire| match (wire, node) {
        (Wire::Node(mut connection), _) => command.query_async(&mut connection).await,
        (Wire::Cluster(mut connection), Some((host, port))) => {
            let its = SingleNodeRoutingInfo::ByAddress { host: host.clone(), port: *port };
            let page = connection.route_command(command, RoutingInfo::SingleNode(its)).await?;
            Ok(from_redis_value(page)?)
        }
        (Wire::Cluster(_), None) => Err((redis::ErrorKind::Client, "a page of nobody").into()),
    })
    .await
}

fn scan(cursor: u64, pattern: &str) -> Cmd {
    let mut scan = cmd("SCAN");
    scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(1000);
    scan
}

/// A text in which nothing stands for anything else in a pattern of Redis.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '^' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
