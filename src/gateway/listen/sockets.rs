//! Listening sockets: how an address that a person wrote becomes one.
//!
//! Addresses follow Go's `net.Listen("tcp", …)`, because Tyk's users wrote them for it: an empty or unspecified host
//! (`:8080`, `0.0.0.0:8080`, `[::]:8080`) listens on all addresses of both families.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs},
    os::fd::OwnedFd,
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt},
};

use crate::error::{Error, Result};

/// Connections that may wait to be accepted. The kernel lowers it to `net.core.somaxconn`.
const BACKLOG: i32 = 65_535;
/// Quiet time before, and pause between, probes of a connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Unanswered probes that end a connection.
const KEEP_ALIVE_PROBES: u32 = 9;

/// The name of an address, also among the sockets of a predecessor: the same for every spelling of "all addresses".
pub(super) fn name(address: &str) -> String {
    let address = address.trim();
    match address.rsplit_once(':') {
        Some(("" | "0.0.0.0" | "[::]", port)) => format!("[::]:{port}"),
        _ => address.to_string(),
    }
}

/// Opens a listening socket on `address` (`host:port`; a host name is looked up and its first address taken).
/// A port in use fails at once.
pub(super) fn open(address: &str) -> Result<TcpListener> {
    let fault = |source: io::Error| Error::Io { what: complaint(address, &source), source };
    let wanted = resolve(&name(address)).map_err(fault)?;
    let socket = match listening(wanted) {
        // A kernel without IPv6 still has all addresses of version 4.
        Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL) if wanted.ip() == Ipv6Addr::UNSPECIFIED => {
            listening((Ipv4Addr::UNSPECIFIED, wanted.port()).into())
        }
        other => other,
    };
    let socket = TcpListener::from(socket.map_err(|errno| fault(errno.into()))?);
    socket.set_nonblocking(true).map_err(fault)?;
    Ok(socket)
}

fn resolve(address: &str) -> io::Result<SocketAddr> {
    let mut found = address.to_socket_addrs()?;
    found.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
}

fn listening(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, address.ip() != Ipv6Addr::UNSPECIFIED)?;
    }
    keep_alive(&socket)?;
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// Accepted connections inherit this on Linux. Go's values, so that a client that vanished is noticed as soon.
fn keep_alive(socket: &OwnedFd) -> Result<(), Errno> {
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, KEEP_ALIVE)?;
    sockopt::set_tcp_keepintvl(socket, KEEP_ALIVE)?;
    sockopt::set_tcp_keepcnt(socket, KEEP_ALIVE_PROBES)
}

fn complaint(address: &str, source: &io::Error) -> String {
    let hint = match source.kind() {
        io::ErrorKind::AddrInUse => "another process uses the port: stop it or change listen_port",
        io::ErrorKind::PermissionDenied => "ports below 1024 need root or CAP_NET_BIND_SERVICE",
        io::ErrorKind::AddrNotAvailable => "no interface of this machine has the address",
        _ => "expected host:port, for example 127.0.0.1:8080 or :8080",
    };
    format!("cannot listen on {address} ({hint})")
}
