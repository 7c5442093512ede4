//! Addresses that may call and addresses that may not (`allowed_ips`, `blacklisted_ips`; sessions reference 7.1).

use std::net::IpAddr;

use async_trait::async_trait;
use ipnet::IpNet;
use pingora_proxy::Session;

use crate::{
    chain::{Blueprint, Ctx, Denial, Flow, Middleware, key_failure, peer_ip, real_ip},
    error::Result,
    event::EventKind,
};

const DENIAL: Denial = Denial::new(403, "access from this IP has been disallowed");

struct IpLists {
    allowed: Option<Box<[IpNet]>>,
    blocked: Option<Box<[IpNet]>>,
    xff_depth: i64,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let definition = blueprint.definition;
    // A list from before there was the switch counts without its flag.
    let counts = |list: &[String], flag| !list.is_empty() && (!definition.ip_access_control_disabled || flag);
    let allowed = counts(&definition.allowed_ips, definition.enable_ip_whitelisting)
        .then(|| compile(blueprint, "allowed_ips", &definition.allowed_ips));
    let blocked = counts(&definition.blacklisted_ips, definition.enable_ip_blacklisting)
        .then(|| compile(blueprint, "blacklisted_ips", &definition.blacklisted_ips));
    if allowed.is_none() && blocked.is_none() {
        return None;
    }
    let xff_depth = blueprint.services.config.http_server_options.xff_depth;
    Some(Box::new(IpLists { allowed, blocked, xff_depth }))
}

fn compile(blueprint: &mut Blueprint<'_>, path: &str, entries: &[String]) -> Box<[IpNet]> {
    let mut nets = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        match parse(entry) {
            Some(net) => nets.push(net),
            None => {
                let message = format!("{entry:?} is neither an address nor a network, so it fits nobody");
                blueprint.warn(format!("{path}[{index}]"), message);
            }
        }
    }
    nets.into()
}

/// A network such as `10.0.0.0/8`, or a single address.
fn parse(entry: &str) -> Option<IpNet> {
    let net = match entry.parse::<IpNet>() {
        Ok(net) => net,
        Err(_) => IpNet::from(entry.parse::<IpAddr>().ok()?),
    };
    match net {
        // An IPv4 network in the clothes of IPv6.
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match IpAddr::from(v6.addr()).to_canonical() {
            v4 @ IpAddr::V4(_) => IpNet::new(v4, v6.prefix_len() - 96).ok(),
            IpAddr::V6(_) => Some(net),
        },
        net => Some(net),
    }
}

impl IpLists {
    fn admits(&self, ip: Option<IpAddr>) -> bool {
        let ip = ip.map(|ip| ip.to_canonical());
        let fits = |nets: &[IpNet]| ip.is_some_and(|ip| nets.iter().any(|net| net.contains(&ip)));
        self.allowed.as_deref().is_none_or(fits) && !self.blocked.as_deref().is_some_and(fits)
    }
}

#[async_trait]
impl Middleware for IpLists {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let ip = real_ip(&session.req_header().headers, peer_ip(session), self.xff_depth);
        if self.admits(ip) {
            return Ok(Flow::Next);
        }
        let key = ip.map(|ip| ip.to_string()).unwrap_or_default();
        key_failure(session, ctx, EventKind::AuthFailure, "Auth Failure", &key);
        Ok(Flow::Deny(DENIAL))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::middleware::tests::{Bench, denied, passed};

    const WORDS: (u16, &str) = (403, "access from this IP has been disallowed");

    async fn admits(root: Value, ip: &str) -> bool {
        let bench = Bench::new(json!({}), root);
        let (_, flow) = bench.get("/app/x", &format!("X-Real-IP: {ip}\r\n")).await;
        if !passed(&flow) {
            assert_eq!(denied(&flow), WORDS);
        }
        passed(&flow)
    }

    #[tokio::test]
    async fn lists_hold_addresses_and_networks() {
        let allowed = json!({ "allowed_ips": ["10.0.0.0/24", "2001:db8::1", "::ffff:9.9.9.9"] });
        for (ip, expected) in [
            ("10.0.0.7", true),
            ("10.0.1.7", false),
            ("::ffff:10.0.0.7", true),
            ("2001:db8:0::1", true),
            ("2001:db8::2", false),
            ("9.9.9.9", true),
        ] {
            assert_eq!(admits(allowed.clone(), ip).await, expected, "{ip}");
        }
        let both = json!({ "allowed_ips": ["10.0.0.0/8"], "blacklisted_ips": ["10.1.0.0/16"] });
        for (ip, expected) in [("10.2.0.1", true), ("10.1.0.1", false), ("11.0.0.1", false)] {
            assert_eq!(admits(both.clone(), ip).await, expected, "{ip}");
        }
    }

    #[tokio::test]
    async fn a_list_counts_without_its_flag_unless_both_are_left_to_the_flags() {
        let list = |disabled, flag| {
            json!({
                "allowed_ips": ["10.0.0.1"],
                "ip_access_control_disabled": disabled,
                "enable_ip_whitelisting": flag,
            })
        };
        assert!(!admits(list(false, false), "1.1.1.1").await);
        assert!(!admits(list(true, true), "1.1.1.1").await);
        assert!(admits(list(true, false), "1.1.1.1").await);
    }

    #[tokio::test]
    async fn who_cannot_be_told_is_on_no_list() {
        let config = || {
            let mut config = crate::config::Config::default();
            config.http_server_options.xff_depth = 5;
            config
        };
        let get = async |root| {
            let bench = Bench::with(json!({}), root, config());
            bench.get("/app/x", "X-Forwarded-For: 10.0.0.1\r\n").await.1
        };
        assert_eq!(denied(&get(json!({ "allowed_ips": ["0.0.0.0/0", "::/0"] })).await), WORDS);
        assert!(passed(&get(json!({ "blacklisted_ips": ["0.0.0.0/0", "::/0"] })).await));
    }

    #[tokio::test]
    async fn an_entry_that_is_no_address_fits_nobody_and_is_named() {
        let bench = Bench::new(json!({}), json!({ "allowed_ips": ["localhost"] }));
        assert!(bench.problem_at("allowed_ips[0]").contains("neither"));
        assert_eq!(denied(&bench.get("/app/x", "X-Real-IP: 127.0.0.1\r\n").await.1), WORDS);
    }
}
