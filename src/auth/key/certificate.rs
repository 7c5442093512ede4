//! Client certificates as auth tokens (`use_certificate`; sessions reference 3.3), and keys that only the holder of
//! certain certificates may use.

use pingora_proxy::Session;

use crate::{
    auth::{self, settings},
    certificate::ClientCertificate,
    chain::{Blueprint, Ctx, Refusal, client_certificate, is_tls},
    session::{KeyState, token},
};

/// What an API makes of client certificates.
pub(super) struct Rules {
    /// They stand for keys.
    is_key: bool,
    /// A token may stand beside them, and then it names the key.
    token_too: bool,
    /// Keys may be bound to them.
    bound: bool,
}

/// A refusal, and whether it is an event that a key failed.
pub(super) struct Refused(pub(super) Refusal, pub(super) bool);

impl Rules {
    pub(super) fn of(blueprint: &mut Blueprint<'_>) -> Self {
        let definition = blueprint.definition;
        let config = &blueprint.services.config;
        let is_key = settings(definition, "authToken").1.is_some_and(|settings| settings.use_certificate);
        let token_too = config.security.allow_unsafe_dynamic_mtls_token;
        if is_key && !config.http_server_options.use_ssl {
            let message =
                "the gateway speaks no TLS, so no client can show a certificate: tokens alone count";
            blueprint.warn("auth_configs.authToken.use_certificate", message);
        }
        Self { is_key, token_too, bound: definition.use_mutual_tls_auth }
    }

    /// True where tokens are not even read: the certificate alone says who calls.
    pub(super) fn alone(&self, session: &Session) -> bool {
        self.is_key && !self.token_too && is_tls(session)
    }

    /// The certificate that stands for a key, if one was shown.
    ///
    /// # Errors
    /// It is over.
    pub(super) fn shown<'a>(&self, session: &'a Session) -> Result<Option<&'a ClientCertificate>, Refused> {
        match client_certificate(session).filter(|_| self.is_key) {
            Some(client) if client.is_over() => Err(Refused(Refusal::CertificateExpired, false)),
            client => Ok(client),
        }
    }

    /// Checks that a key may be used over this connection, and notes the certificate that it was used with.
    ///
    /// # Errors
    /// It may not.
    pub(super) async fn check(
        &self,
        session: &Session,
        ctx: &Ctx,
        key: &mut KeyState,
    ) -> Result<(), Refused> {
        let Some(org_id) = ctx.api.as_ref().map(|api| api.spec.org_id.clone()) else { return Ok(()) };
        let shown = client_certificate(session).map(|client| client.id(&org_id));
        if self.is_key {
            let id = shown.as_ref().unwrap_or(&key.state.certificate);
            if ctx.snapshot.services.certificates.get(id).await.is_none() {
                return Err(Refused(Refusal::CertificateNotFound, true));
            }
        }
        let bindings = &key.state.mtls_static_certificate_bindings;
        if self.bound && !bindings.is_empty() && !bindings.iter().any(|id| Some(id) == shown.as_ref()) {
            return Err(Refused(Refusal::CertificateMismatch, true));
        }
        match shown {
            Some(id) if self.is_key && key.state.certificate != id => key.edit().certificate = id,
            _ => {}
        }
        Ok(())
    }
}

/// The key of a certificate: under the token made from its id, else under its id.
pub(super) async fn find(ctx: &Ctx, client: &ClientCertificate) -> Option<KeyState> {
    let id = client.id(&ctx.api.as_ref()?.spec.org_id);
    let made = made(ctx, &id)?;
    match auth::find(ctx, &made).await {
        None if made != id => auth::find(ctx, &id).await,
        found => found,
    }
}

fn made(ctx: &Ctx, id: &str) -> Option<String> {
    let org_id = &ctx.api.as_ref()?.spec.org_id;
    Some(token::generate(org_id, id, &ctx.snapshot.services.config.hash_key_function))
}
