//! The name that a TLS client asks for, before the handshake begins: rustls chooses certificates by it, but not
//! whether to ask for one.

use std::io;

use pingora_core::protocols::IO;
use rustls::server::Acceptor;
use tokio::io::ReadBuf;

use super::Buffered;

/// Bytes within which the whole ClientHello has to come; a longer one is left to the handshake.
const LONGEST: usize = 64 * 1024;

impl<S: IO> Buffered<S> {
    /// Waits for the ClientHello, keeps it for the next read, and returns its server name. Nothing for a hello without
    /// a name, or one that is none: the handshake will say so. The caller limits the time.
    ///
    /// # Errors
    /// The connection's, or its end.
    pub async fn server_name(&mut self) -> io::Result<Option<String>> {
        loop {
            if !self.unread().is_empty() {
                // Begun anew each time: nearly always one read brings all of it.
                let (mut acceptor, mut bytes) = (Acceptor::default(), self.unread());
                while !bytes.is_empty() {
                    if acceptor.read_tls(&mut bytes).is_err() {
                        return Ok(None);
                    }
                    match acceptor.accept() {
                        Ok(Some(accepted)) => {
                            return Ok(accepted.client_hello().server_name().map(str::to_owned));
                        }
                        Ok(None) => {}
                        Err(_) => return Ok(None),
                    }
                }
                if self.unread().len() > LONGEST {
                    return Ok(None);
                }
            }
            if std::future::poll_fn(|cx| self.poll_fetch(cx, &mut ReadBuf::new(&mut []))).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
