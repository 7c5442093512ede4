//! What a handshake told of the client.

use pingora_proxy::Session;

use crate::certificate::ClientCertificate;

/// The certificate that the client showed. Nothing without TLS, where it was not asked, and where it has none.
pub fn client_certificate(session: &Session) -> Option<&ClientCertificate> {
    session.digest()?.ssl_digest.as_ref()?.extension.get::<ClientCertificate>()
}

/// True if the client's connection is encrypted.
pub fn is_tls(session: &Session) -> bool {
    session.digest().is_some_and(|digest| digest.ssl_digest.is_some())
}
