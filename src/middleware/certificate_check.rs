//! Static mutual TLS (`use_mutual_tls_auth`; sessions reference 7.6): only clients whose certificate is on a list, or
//! signed by one on it, come in. Keyless APIs and ignored paths are no exception.

use async_trait::async_trait;
use pingora_proxy::Session;

use crate::{
    certificate::AllowList,
    chain::{Blueprint, Ctx, Denial, Flow, Middleware, client_certificate, is_tls},
    error::Result,
};

struct CertificateCheck(AllowList);

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let definition = blueprint.definition;
    if !definition.use_mutual_tls_auth {
        return None;
    }
    let config = &blueprint.services.config;
    let own = definition.client_certificates.iter().enumerate();
    let all = config.security.certificates.apis.iter().enumerate();
    let entries = own
        .map(|(index, entry)| (entry, format!("client_certificates[{index}]")))
        .chain(all.map(|(index, entry)| (entry, format!("security.certificates.apis[{index}]"))));
    let list = AllowList::read(entries, blueprint.place, blueprint.problems);
    if list.is_empty() {
        blueprint.warn("client_certificates", "no certificate is listed: every request is refused");
    }
    if !config.http_server_options.use_ssl {
        blueprint.warn("use_mutual_tls_auth", "the gateway speaks no TLS: every request is refused");
    }
    Some(Box::new(CertificateCheck(list)))
}

#[async_trait]
impl Middleware for CertificateCheck {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let vault = &ctx.snapshot.services.certificates;
        let client = client_certificate(session);
        Ok(match self.0.admits(client, is_tls(session), vault).await {
            Ok(()) => Flow::Next,
            Err(refusal) => Flow::Deny(Denial::with(403, refusal.to_string())),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::middleware::tests::{Bench, denied};

    #[tokio::test]
    async fn without_tls_nobody_comes_in_not_even_on_ignored_paths() {
        let version = json!({ "extended_paths": { "ignored": [{ "path": "/free", "method": "" }] } });
        let root = json!({ "use_mutual_tls_auth": true, "client_certificates": ["/nowhere/ca.pem"] });
        let bench = Bench::new(version, root);
        assert!(bench.problem_at("client_certificates[0]").contains("admits nobody"));
        for path in ["/app/x", "/app/free"] {
            assert_eq!(denied(&bench.get(path, "").await.1), (403, "TLS not enabled"));
        }
    }

    #[test]
    fn an_empty_list_is_named() {
        let bench = Bench::new(json!({}), json!({ "use_mutual_tls_auth": true }));
        assert!(bench.problem_at("client_certificates").contains("every request"));
    }
}
