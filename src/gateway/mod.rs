//! Where requests come in: sockets, certificates, and (with the proxy) the way of a request.

pub mod listen;
pub mod stream;
pub mod tls;
