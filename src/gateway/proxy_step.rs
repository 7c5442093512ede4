//! The end of the chain: what has been parked is applied, loops are found, and what goes upstream is decided
//! (api-definition reference 4.6, 4.7, 6.1, 6.2).

use std::sync::Arc;

use http::{HeaderValue, Method, header};
use pingora_proxy::Session;

use crate::{
    chain::{Api, Base, Ctx, Denial, peer_ip},
    error::{Error, Result},
    upstream::{Addresses, Outbound, Target},
    url::Url,
};

/// Loops that a request may make unless a loop URL says otherwise. The check lets one more through, as Tyk's does.
const LOOP_LIMIT: u32 = 5;

/// Most loops of the kind that Tyk does not count (`target_url: tyk://…`), which could go on for ever.
const UNCOUNTED_LIMIT: u32 = 64;

/// What comes of a request whose chain has ended.
pub(super) enum Step {
    /// It goes upstream.
    Send(Box<Outbound>),
    /// It enters another API, or the same one again.
    Loop(Arc<Api>),
    /// It is refused.
    Deny(Denial),
}

/// Decides where the request goes. No connection is made yet; a name is looked up.
pub(super) async fn run(api: &Arc<Api>, session: &mut Session, ctx: &mut Ctx) -> Result<Step> {
    let retain_host = match &mut ctx.rewrite {
        Some(rewrite) => {
            ctx.url = std::mem::take(&mut rewrite.url);
            rewrite.retain_host
        }
        None => false,
    };
    if ctx.url.scheme() == "tyk" {
        if let Some(method) = ctx.method.take() {
            session.req_header_mut().set_method(method);
        }
        return Ok(enter_loop(api, session, ctx));
    }
    if api.definition.proxy.strip_listen_path {
        ctx.url.map_path(|path| api.listen_path.strip(path));
    }
    if retain_host {
        return final_url(api, session, ctx).await;
    }
    let target = match (&ctx.target, &api.base) {
        (Some(target), _) | (None, Base::Upstream(target)) => target.clone(),
        (None, Base::Api(address)) => return Ok(hand_over(api, &address.clone(), ctx)),
    };
    let url = target.url.join(&ctx.url, api.definition.proxy.disable_strip_slash);
    Ok(Step::Send(outbound(api, target, &url, session, ctx).await?))
}

/// A rewrite named its own host: neither target nor balancer is asked, but the target's query still goes in front.
async fn final_url(api: &Arc<Api>, session: &mut Session, ctx: &mut Ctx) -> Result<Step> {
    let mut url = std::mem::take(&mut ctx.url);
    if let Base::Upstream(base) = &api.base {
        url.prepend_query(base.url.query());
    }
    let target = Target::from_url(url.clone()).map_err(|error| Error::Http {
        status: 500,
        message: {
            tracing::warn!(api_id = &*api.spec.api_id, url = %url, %error, "a rewrite gave no usable target");
            "There was a problem proxying the request".into()
        },
    })?;
    let sent = outbound(api, Arc::new(target), &url, session, ctx).await?;
    ctx.url = url;
    Ok(Step::Send(sent))
}

async fn outbound(
    api: &Arc<Api>,
    target: Arc<Target>,
    url: &Url,
    session: &Session,
    ctx: &mut Ctx,
) -> Result<Box<Outbound>> {
    let services = &ctx.snapshot.services;
    let found = match &target.addresses {
        Some(addresses) => Ok(addresses.clone()),
        None => services.resolver.resolve(&target.host).await,
    };
    let (addresses, unresolved) = match found {
        Ok(addresses) => (addresses, None),
        Err(error) => (Addresses::from(Vec::new()), Some(error)),
    };
    let head = session.req_header();
    let skip_escaping = services.config.http_server_options.skip_target_path_escaping;
    let outbound = Box::new(Outbound {
        addresses,
        attempt: 0,
        method: ctx.method.take(),
        uri: url.upstream_uri(skip_escaping).into_owned().into_bytes(),
        path: url.path().to_owned(),
        host: (!api.definition.proxy.preserve_host_header).then(|| target.authority.clone()),
        forwarded_for: if ctx.no_forwarded_for { None } else { peer_ip(session) },
        trailers: head.headers.get(header::TE) == Some(&HeaderValue::from_static("trailers")),
        body_read: ctx.body.is_some(),
        target,
    });
    match unresolved {
        None => Ok(outbound),
        Some(error) => {
            // Its record tells where it was to go.
            ctx.outbound = Some(outbound);
            Err(error.into())
        }
    }
}

fn enter_loop(api: &Arc<Api>, session: &mut Session, ctx: &mut Ctx) -> Step {
    let mut url = std::mem::take(&mut ctx.url);
    let to_self = url.host() == "self";
    let next = if to_self { Some(api) } else { ctx.snapshot.loop_target(url.host()) };
    let Some(next) = next.cloned() else {
        return Step::Deny(Denial::new(500, "Can't detect loop target"));
    };
    let (mut method, mut limit, mut check_limits) = (None, None, false);
    if url.has_query() {
        let mut values = url.values();
        method = values.get("method").and_then(|name| Method::from_bytes(name.as_bytes()).ok());
        limit = values.get("loop_limit").and_then(|text| text.parse().ok());
        check_limits = values.get("check_limits").as_deref() == Some("true");
        for control in ["method", "loop_limit", "check_limits"] {
            values.remove(control);
        }
        let query = values.encode();
        url.set_query(&query);
    }
    ctx.loops.limit = ctx.loops.limit.or(limit);
    let most = ctx.loops.limit.unwrap_or(LOOP_LIMIT);
    if ctx.loops.count > most {
        return Step::Deny(Denial::with(
            500,
            format!("Loop level too deep. Found more than {most} loops in single request"),
        ));
    }
    ctx.loops.count += 1;
    ctx.loops.to_self = to_self;
    ctx.loops.check_limits = check_limits;
    if let Some(method) = method {
        session.req_header_mut().set_method(method);
    }
    url.drop_origin();
    ctx.enter(url);
    Step::Loop(next)
}

/// `target_url: tyk://…`: the request goes to the other API's chain as it stands.
fn hand_over(api: &Arc<Api>, address: &str, ctx: &mut Ctx) -> Step {
    let Some(next) = ctx.snapshot.loop_target(address).cloned() else {
        return Step::Deny(Denial::new(500, "Couldn't detect target"));
    };
    if ctx.loops.uncounted >= UNCOUNTED_LIMIT {
        tracing::warn!(api_id = &*api.spec.api_id, "tyk:// targets lead in a circle");
        return Step::Deny(Denial::new(500, "Loop level too deep"));
    }
    ctx.loops.uncounted += 1;
    let url = std::mem::take(&mut ctx.url);
    ctx.enter(url);
    Step::Loop(next)
}
