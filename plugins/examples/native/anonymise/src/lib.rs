//! Takes from analytics records what points to a person: an analytics hook.
//!
//! ```json
//! "analytics_plugin": {"enable": true, "plugin_path": "libanonymise.so", "func_name": "Anonymise"}
//! ```
//!
//! - `ip_address` keeps its network: `192.0.2.17` becomes `192.0.2.0`, an IPv6 address keeps 48 bits.
//! - `raw_request` and `raw_response` of detailed recording go: tokens in queries and headers are in there.
//! - The tag `anonymised` says that it was done. A record without it means that this hook failed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pinhook_plugin::{NON_BLOCKING, Record, Result, hooks};

hooks! {
    Anonymise [NON_BLOCKING] = anonymise;
}

fn anonymise(record: &mut Record<'_>) -> Result<()> {
    let address = record.text("ip_address").map(network).unwrap_or_default();
    record.set_text("ip_address", &address)?;
    record.set_text("raw_request", "")?;
    record.set_text("raw_response", "")?;
    record.add_tag("anonymised")
}

/// The address without the part that tells its owner; nothing if it is none.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V4(v4)) => {
            let [a, b, c, _] = v4.octets();
            Ipv4Addr::new(a, b, c, 0).to_string()
        }
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).to_string()
        }
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_network() {
        for (address, kept) in
            [("192.0.2.17", "192.0.2.0"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"), ("", ""), ("nobody", "")]
        {
            assert_eq!(network(address), kept);
        }
    }
}
