//! Where a gRPC plugin server is, as texts of gateway config and definitions say it.
//!
//! Tyk removes `tcp://` and gives the rest to its gRPC client, so the forms are those of gRPC's naming document. Two
//! are ours: `tls://host:port`, and an address without any scheme, which Tyk refuses when it begins with an IP.

use std::fmt;

/// Port of `dns:` addresses that name none, as gRPC has it.
const DNS_PORT: u16 = 443;

/// A server's address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// A Unix socket.
    Unix(String),
    /// One or more hosts with their ports; more than one only where addresses are listed.
    Tcp {
        /// Host, without the brackets of an IPv6 address, and port.
        places: Vec<(String, u16)>,
        /// The scheme decides about TLS; else the settings do.
        tls: Option<bool>,
    },
}

impl Target {
    /// Reads an address.
    ///
    /// # Errors
    /// Why it is none, for the author of the definition.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("names no server: set coprocess_options.coprocess_grpc_server".to_owned());
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None => match text.split_once(':') {
                Some((scheme @ ("unix" | "dns" | "ipv4" | "ipv6" | "passthrough"), rest)) => (scheme, rest),
                _ => ("", text),
            },
        };
        match scheme {
            "unix" => unix(rest),
            "dns" => Self::dns(after_authority(text, rest)?),
            "passthrough" => Self::hosts(after_authority(text, rest)?, None),
            "ipv4" | "ipv6" | "tcp" | "" => Self::hosts(rest, None),
            "http" => Self::hosts(rest, Some(false)),
            "tls" | "https" => Self::hosts(rest, Some(true)),
            _ => Err(format!("{scheme:?} is no scheme of a gRPC server")),
        }
        .map_err(|reason| format!("{text:?}: {reason}"))
    }

    fn dns(rest: &str) -> Result<Self, String> {
        let place = place(rest, Some(DNS_PORT))?;
        Ok(Self::Tcp { places: vec![place], tls: None })
    }

    fn hosts(rest: &str, tls: Option<bool>) -> Result<Self, String> {
        let rest = rest.trim_end_matches('/');
        let places = rest.split(',').map(|text| place(text, None)).collect::<Result<_, _>>()?;
        Ok(Self::Tcp { places, tls })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{path}"),
            Self::Tcp { places, .. } => {
                for (index, (host, port)) in places.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{}", authority(host, *port))?;
                }
                Ok(())
            }
        }
    }
}

/// Host and port as a URL has them.
pub(super) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn unix(path: &str) -> Result<Target, String> {
    if path.is_empty() {
        return Err("names no file".to_owned());
    }
    Ok(Target::Unix(path.to_owned()))
}

/// What follows the authority of `scheme://authority/rest`, which for `dns` is a server to ask names of.
fn after_authority<'a>(text: &str, rest: &'a str) -> Result<&'a str, String> {
    if !text.contains("://") {
        return Ok(rest);
    }
    match rest.split_once('/') {
        Some(("", rest)) => Ok(rest),
        Some((server, _)) => Err(format!("names are asked of the system, not of {server:?}")),
        None => Err("expected a third slash before the host".to_owned()),
    }
}

fn place(text: &str, otherwise: Option<u16>) -> Result<(String, u16), String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or("the bracket is not closed")?;
            (host, after.strip_prefix(':'))
        }
        None if text.matches(':').count() > 1 => (text, None),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let well_formed =
        !host.is_empty() && !host.contains(|letter: char| letter == '/' || letter.is_whitespace());
    if !well_formed {
        return Err("expected host:port".to_owned());
    }
    let port = match (port, otherwise) {
        (Some(port), _) => port.parse().map_err(|_| format!("{port:?} is no port"))?,
        (None, Some(port)) => port,
        (None, None) => return Err("names no port".to_owned()),
    };
    Ok((host.to_owned(), port))
}
