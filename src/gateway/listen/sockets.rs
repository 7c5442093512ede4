//! Listening sockets: how an address that a person wrote becomes one, and how one is handed to a successor.
//!
//! Addresses follow Go's `net.Listen("tcp", …)`, because Tyk's users wrote them for it: an empty or unspecified host
//! (`:8080`, `0.0.0.0:8080`, `[::]:8080`) listens on all addresses of both families.
//!
//! The table that pingora hands to a successor process ([`ListenFds`]) owns a duplicate of each socket, never the
//! one we accept from, so either can be closed without the other being pulled away.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs},
    os::fd::{IntoRawFd, OwnedFd},
    time::Duration,
};

use pingora_core::server::ListenFds;
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
/// Sockets that pingora can hand to a successor in one message.
const HANDOVER_LIMIT: usize = 32;

/// The name of an address in the table of inherited sockets: the same for every spelling of "all addresses".
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

/// Puts a duplicate of `socket` into the table, under `name`, unless the table has the socket already.
pub(super) fn register(fds: &ListenFds, name: &str, socket: &TcpListener) -> Result<()> {
    let mut fds = fds.lock();
    if fds.get(name).is_some() {
        return Ok(());
    }
    let copy = socket
        .try_clone()
        .map_err(|source| Error::Io { what: format!("cannot register the socket of {name}"), source })?;
    fds.add(name.to_string(), copy.into_raw_fd());
    if fds.serialize().0.len() > HANDOVER_LIMIT {
        tracing::warn!(limit = HANDOVER_LIMIT, "more sockets than an upgrade can hand over");
    }
    Ok(())
}

/// A duplicate of the socket that the table holds under `name`, if it holds one.
pub(super) fn inherited(fds: &ListenFds, name: &str) -> Result<Option<TcpListener>> {
    let fds = fds.lock();
    let Some(&fd) = fds.get(name) else { return Ok(None) };
    let fault = |source| Error::Io { what: format!("cannot take over the socket of {name}"), source };
    let socket = TcpListener::from(borrowed::duplicate(fd).map_err(fault)?);
    socket.set_nonblocking(true).map_err(fault)?;
    Ok(Some(socket))
}

/// Takes the names of `closed` out of the table and closes its duplicates, so that the kernel stops queueing
/// connections.
pub(super) fn forget<T>(fds: &ListenFds, closed: &BTreeMap<String, T>) {
    let mut fds = fds.lock();
    let keep = fds.serialize().0.into_iter().filter(|name| !closed.contains_key(name)).collect();
    fds.close_unclaimed(&keep);
}

/// The one place that trusts a bare descriptor number.
pub(super) mod borrowed {
    #![expect(unsafe_code, reason = "pingora's table of inherited sockets holds plain numbers")]

    use std::{
        io,
        os::fd::{BorrowedFd, OwnedFd, RawFd},
    };

    pub(crate) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
        // SAFETY: the number comes from pingora's table, which owns the descriptor and is locked by the caller for
        // as long as the borrow lives; numbers below 0 never enter it.
        unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()
    }
}
