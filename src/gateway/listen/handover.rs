//! How listening sockets go from a running process to its successor, over a Unix socket that both know.
//!
//! The successor listens there once all it needs is loaded; the running process connects, sends every socket, and
//! goes on serving until the successor says that it accepts. So a successor that breaks on the way costs nothing.
//!
//! Turned down (2026-11-22): pingora's own transfer (`ServerConf::upgrade_sock`). Its sender stops serving after a
//! fixed time whether anybody took the sockets or not, it looks for the other side once a second and blocks a thread
//! meanwhile, it carries at most 32 sockets whose names fit 2 KiB, hands them to whoever owns the path, and panics on
//! a path that cannot be bound.

use std::{
    fs,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    net::TcpListener,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{FileTypeExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg, sockopt,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::{UnixListener, UnixStream},
};

/// What the successor says once it accepts.
const ACCEPTING: u8 = b'A';

/// A listening socket and the name it has in a [`super::ListenerSet`].
pub type Named = (String, TcpListener);

/// The place where a successor waits for sockets. The file is gone with it.
pub struct Doorstep {
    listener: UnixListener,
    path: PathBuf,
}

impl Doorstep {
    /// Waits at `path`, in place of what a process that has ended left there.
    ///
    /// # Errors
    /// The path cannot be bound, or another successor waits there.
    pub fn open(path: &Path) -> io::Result<Self> {
        let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
        if is_socket {
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "another upgrade is under way"));
            }
            fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        let doorstep = Self { listener, path: path.to_owned() };
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        Ok(doorstep)
    }

    /// Waits for a running process of the same user and takes its sockets.
    pub async fn receive(&self) -> io::Result<(Vec<Named>, Predecessor)> {
        loop {
            let (mut stream, _) = self.listener.accept().await?;
            match receive(&mut stream).await {
                Ok(sockets) => return Ok((sockets, Predecessor(stream))),
                // Somebody who only looked, or may not: the right one may still come.
                Err(error) => tracing::warn!(%error, "no sockets from who connected to the upgrade socket"),
            }
        }
    }
}

impl Drop for Doorstep {
    fn drop(&mut self) {
        // It may have been replaced or removed by hand; nothing depends on it any more.
        let _ = fs::remove_file(&self.path);
    }
}

/// The process that waits to hear that its successor accepts. Dropped, it goes on serving.
pub struct Predecessor(UnixStream);

impl Predecessor {
    /// Lets it go.
    pub async fn release(mut self) -> io::Result<()> {
        self.0.write_all(&[ACCEPTING]).await
    }
}

async fn receive(stream: &mut UnixStream) -> io::Result<Vec<Named>> {
    trusted(stream)?;
    let mut sockets = Vec::new();
    loop {
        let (length, socket) = stream.async_io(Interest::READABLE, || receive_head(&*stream)).await?;
        if length == 0 {
            return Ok(sockets);
        }
        let mut name = vec![0; usize::from(length)];
        stream.read_exact(&mut name).await?;
        let name = String::from_utf8(name).map_err(|_| io::ErrorKind::InvalidData)?;
        let socket = TcpListener::from(socket.ok_or(io::ErrorKind::InvalidData)?);
        socket.set_nonblocking(true)?;
        sockets.push((name, socket));
    }
}

/// The length of a name and the socket that comes with it. A head is written in one piece, so it is read in one.
fn receive_head(stream: impl AsFd) -> io::Result<(u16, Option<OwnedFd>)> {
    let mut length = [0; 2];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received =
        recvmsg(stream, &mut [IoSliceMut::new(&mut length)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let socket = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
        _ => None,
    });
    if received.bytes < length.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((u16::from_be_bytes(length), socket))
}

/// Sends `sockets` to the successor that waits at `path`, and waits until it accepts connections itself.
///
/// # Errors
/// Nobody waits there (`NotFound`, `ConnectionRefused`), it belongs to another user, or it broke on the way: then the
/// caller is the one who serves, as before.
pub async fn hand_over(path: &Path, sockets: &[Named]) -> io::Result<()> {
    let mut stream = UnixStream::connect(path).await?;
    trusted(&stream)?;
    for (name, socket) in sockets {
        let length = u16::try_from(name.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        stream.async_io(Interest::WRITABLE, || send_head(&stream, length, socket)).await?;
        stream.write_all(name.as_bytes()).await?;
    }
    stream.write_all(&0_u16.to_be_bytes()).await?;
    match stream.read_u8().await? {
        ACCEPTING => Ok(()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn send_head(stream: impl AsFd, length: u16, socket: &TcpListener) -> io::Result<()> {
    let length = length.to_be_bytes();
    let sockets = [socket.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&sockets));
    // Two bytes go out whole or not at all.
    sendmsg(stream, &[IoSlice::new(&length)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The default path lies where anybody may write: sockets go to and come from our own user, or root, only.
fn trusted(stream: &UnixStream) -> io::Result<()> {
    let other = sockopt::socket_peercred(stream)?.uid;
    if other == rustix::process::geteuid() || other.is_root() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "the other process belongs to another user"))
}
