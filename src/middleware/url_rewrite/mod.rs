//! Makes the request's URL anew (`url_rewrites`, api-definition reference 4). The result is parked in `Ctx`; the
//! proxy step applies it, so later steps still see the client's URL.

mod trigger;

use std::cell::OnceCell;

use async_trait::async_trait;
use bytes::Bytes;
use pingora_proxy::Session;
use regex::{Captures, Regex};

use crate::{
    chain::{
        Blueprint, Ctx, EndpointPaths, Endpoints, Flow, Middleware, PerVersion, Place, Rewrite, Scope,
        Template, Variables, used_names,
    },
    definition::{self, re2},
    error::{Error, Result},
    url::{Url, loop_host, path_unescape},
};
use trigger::{Names, Subject, Trigger};

struct UrlRewrite {
    paths: EndpointPaths,
    rules: PerVersion<Endpoints<Rule>>,
}

/// One entry.
struct Rule {
    /// The text of a pattern that is no regex: requests that need it are answered 500.
    pattern: Result<Regex, Box<str>>,
    template: Template,
    triggers: Box<[Trigger]>,
    /// A trigger looks at the request's body.
    wants_body: bool,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let names: Names = used_names(blueprint.versions, &blueprint.secrets());
    let style = blueprint.path_style();
    let versions = blueprint.versions;
    let rules = PerVersion::build(versions, |_, version| {
        version.use_extended_paths.then_some(())?;
        blueprint.endpoints(
            version,
            "url_rewrites",
            &version.extended_paths.url_rewrites,
            |entry| (!entry.disabled).then_some(Place { path: &entry.path, method: &entry.method, style }),
            |blueprint, entry, at| Some(Rule::compile(blueprint, at, entry, &names)),
        )
    })?;
    Some(Box::new(UrlRewrite { paths: blueprint.paths(), rules }))
}

#[async_trait]
impl Middleware for UrlRewrite {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let Some(rules) = self.rules.of(ctx) else { return Ok(Flow::Next) };
        let candidates = self.paths.for_endpoints(ctx.url.path());
        let Some(rule) = rules.find(session.req_header().method.as_str(), &candidates) else {
            return Ok(Flow::Next);
        };
        let body = if rule.wants_body { ctx.body(session).await?.unwrap_or_default() } else { Bytes::new() };
        let subject = Subject {
            headers: &session.req_header().headers,
            url: &ctx.url,
            body: &body,
            meta: ctx.state.as_ref().map(|key| &key.state.meta_data),
            query: OnceCell::new(),
        };
        let Some(text) = rule.rewrite(&subject, &mut ctx.variables)? else {
            return Ok(Flow::Next);
        };
        ctx.path_before_rewrite = Some(ctx.url.path().into());
        match parked(&text, &ctx.url) {
            Ok(rewrite) => ctx.rewrite = Some(Box::new(rewrite)),
            Err(error) => {
                tracing::warn!(url = text, %error, "rewritten URL cannot be used, request goes on as it came")
            }
        }
        Ok(Flow::Next)
    }
}

impl Rule {
    fn compile(
        blueprint: &mut Blueprint<'_>,
        at: &str,
        entry: &definition::UrlRewrite,
        names: &Names,
    ) -> Self {
        let pattern = re2::compile(&entry.match_pattern).map_err(|error| {
            let message = format!("no regex, so its requests are answered 500: {error}");
            blueprint.refuse(format!("{at}.match_pattern"), message);
            entry.match_pattern.as_str().into()
        });
        let template = blueprint.rewrite_template(&format!("{at}.rewrite_to"), &entry.rewrite_to);
        let triggers: Box<[Trigger]> = entry
            .triggers
            .iter()
            .enumerate()
            .map(|(number, trigger)| {
                Trigger::compile(blueprint, &format!("{at}.triggers[{number}]"), number, trigger, names)
            })
            .collect();
        let wants_body = triggers.iter().any(Trigger::wants_body);
        Self { pattern, template, triggers, wants_body }
    }

    /// The new URL as text; nothing when the pattern does not match.
    fn rewrite(
        &self,
        subject: &Subject<'_>,
        variables: &mut Option<Box<Variables>>,
    ) -> Result<Option<String>> {
        let template = if self.triggers.is_empty() {
            &self.template
        } else {
            let variables = variables.get_or_insert_default();
            let hit = self.triggers.iter().find(|trigger| trigger.satisfied(subject, variables));
            hit.map_or(&self.template, |trigger| &trigger.template)
        };
        let pattern = self.pattern.as_ref().map_err(|pattern| Error::Http {
            status: 500,
            message: format!("URLRewrite regexp error {pattern}").into(),
        })?;
        let uri = subject.url.request_uri();
        let scope = Scope { variables: variables.as_deref(), meta: subject.meta };
        let print = |found: Captures<'_>| {
            template.print(scope, true, |number| found.get(number).map(|group| group.as_str()))
        };
        if let Some(found) = pattern.captures(&uri) {
            return Ok(Some(with_loop_host(print(found))));
        }
        let decoded = path_unescape(&uri).ok_or_else(|| Error::Http {
            status: 500,
            message: format!("failed to decode URL path: {uri}").into(),
        })?;
        if decoded == uri {
            return Ok(None);
        }
        Ok(pattern.captures(&decoded).map(print).map(with_loop_host))
    }
}

/// `tyk://` names an API by a host without anything but letters, digits and hyphens.
fn with_loop_host(text: String) -> String {
    const LOOP: &str = "tyk://";
    let Some((before, after)) = text.split_once(LOOP) else { return text };
    let end = after.find(['/', '?']).unwrap_or(after.len());
    let (host, rest) = after.split_at(end);
    [before, LOOP, &loop_host(host), rest].concat()
}

/// A URL that names a scheme and another host than the request is final.
fn parked(text: &str, from: &Url) -> Result<Rewrite, crate::url::ParseError> {
    let url = Url::parse(text)?;
    let retain_host = !matches!(url.scheme(), "" | "tyk") && url.host() != from.host();
    Ok(Rewrite { url, retain_host })
}

#[cfg(test)]
mod tests;
