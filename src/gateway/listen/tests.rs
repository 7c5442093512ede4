//! Connections as clients see them, with a bare proxy as the app: what the listener and its stream must not break.

mod http1;
mod http2;
mod sockets;
mod support;
mod tls;
