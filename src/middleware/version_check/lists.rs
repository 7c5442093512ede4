//! The list, mock and internal entries of a version, and what they say of a request.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use pingora_http::ResponseHeader;

use crate::{
    chain::{
        Blueprint, EndpointPaths, Endpoints, EndpointsBuilder, Origin, PathStyle, Place, Response,
        version_path,
    },
    definition::{ListEntry, MethodAction, MockResponse, TrackEndpoint, VersionInfo},
    error::{Error, Result},
};

/// What is decided over one request.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict<'a> {
    Pass,
    Ignore,
    Block,
    Reply(&'a Reply),
    /// An entry that closes endpoints is broken, so nothing may pass.
    Broken,
}

/// The list, mock and internal entries of one version.
pub(super) struct Lists {
    /// Mock, ignored, block and allow entries, in this order.
    rules: Option<Endpoints<Rule>>,
    internal: Option<Endpoints<()>>,
    /// There is an allow entry, so what is not allowed is blocked.
    allow_only: bool,
    /// A block or internal entry could not be compiled.
    broken: bool,
}

#[derive(Debug)]
enum Rule {
    Mock(Reply),
    List(List, Vec<(String, Action)>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum List {
    Ignored,
    Block,
    Allow,
}

#[derive(Debug)]
enum Action {
    Verdict,
    Reply(Reply),
    Block,
}

impl Lists {
    pub(super) fn compile(blueprint: &mut Blueprint<'_>, version: &VersionInfo) -> Option<Self> {
        let mut compiler = Compiler {
            style: blueprint.path_style(),
            version,
            blueprint,
            rules: EndpointsBuilder::default(),
            internal: EndpointsBuilder::default(),
            broken: false,
        };
        // A broken allow entry still closes the rest: leaving it out must not open the gate.
        let allow_only = if version.use_extended_paths {
            let paths = &version.extended_paths;
            compiler.mocks(&paths.mock_response);
            compiler.list("ignored", &paths.ignored, List::Ignored);
            compiler.list("black_list", &paths.black_list, List::Block);
            compiler.list("white_list", &paths.white_list, List::Allow);
            compiler.internal(&paths.internal);
            paths.white_list.iter().any(|entry| !entry.disabled)
        } else {
            compiler.plain("ignored", &version.paths.ignored, List::Ignored);
            compiler.plain("black_list", &version.paths.black_list, List::Block);
            compiler.plain("white_list", &version.paths.white_list, List::Allow);
            !version.paths.white_list.is_empty()
        };
        let broken = compiler.broken;
        let (rules, internal) = (compiler.rules.build(), compiler.internal.build());
        (rules.is_some() || internal.is_some() || allow_only || broken).then_some(Self {
            rules,
            internal,
            allow_only,
            broken,
        })
    }

    /// What is decided over a request with this method and decoded path.
    pub(super) fn verdict(
        &self,
        method: &str,
        paths: &EndpointPaths,
        path: &str,
        looped: bool,
    ) -> Verdict<'_> {
        if self.broken {
            return Verdict::Broken;
        }
        let candidates = paths.for_lists(path);
        let internal = self.internal.as_ref().is_some_and(|all| all.find(method, &candidates).is_some());
        if internal && !looped {
            return Verdict::Block;
        }
        if let Some(rules) = &self.rules {
            let mut verdicts =
                rules.matches(&candidates).filter_map(|(wanted, rule)| rule.verdict(wanted, method));
            if let Some(verdict) = verdicts.next() {
                return verdict;
            }
        }
        if self.allow_only && !internal { Verdict::Block } else { Verdict::Pass }
    }
}

impl Rule {
    /// What the entry says of a request with this method, if anything. An empty `wanted` is any method, for lists.
    fn verdict(&self, wanted: &str, method: &str) -> Option<Verdict<'_>> {
        match self {
            Self::Mock(reply) => (wanted == method).then_some(Verdict::Reply(reply)),
            Self::List(list, actions) if actions.is_empty() => {
                (wanted.is_empty() || wanted == method).then(|| list.verdict())
            }
            Self::List(list, actions) => {
                actions.iter().find(|(name, _)| name == method).map(|(_, action)| match action {
                    Action::Verdict => list.verdict(),
                    Action::Reply(reply) => Verdict::Reply(reply),
                    Action::Block => Verdict::Block,
                })
            }
        }
    }
}

impl List {
    fn verdict<'a>(self) -> Verdict<'a> {
        match self {
            Self::Ignored => Verdict::Ignore,
            Self::Block => Verdict::Block,
            Self::Allow => Verdict::Pass,
        }
    }
}

/// Collects the rules of one version.
struct Compiler<'a, 'b> {
    style: PathStyle,
    version: &'a VersionInfo,
    blueprint: &'a mut Blueprint<'b>,
    rules: EndpointsBuilder<Rule>,
    internal: EndpointsBuilder<()>,
    broken: bool,
}

impl Compiler<'_, '_> {
    fn mocks(&mut self, entries: &[MockResponse]) {
        for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.disabled) {
            let at = self.path("extended_paths.mock_response", index);
            let reply = self.reply(&at, entry.code, &entry.body, &entry.headers);
            let place =
                Place { path: &entry.path, method: &entry.method, style: self.style(entry.ignore_case) };
            self.add(place, Rule::Mock(reply), &at);
        }
    }

    fn list(&mut self, kind: &str, entries: &[ListEntry], list: List) {
        for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.disabled) {
            let at = self.path(&format!("extended_paths.{kind}"), index);
            let actions = entry
                .method_actions
                .iter()
                .map(|(method, action)| (method.clone(), self.action(&at, method, action)))
                .collect();
            let place =
                Place { path: &entry.path, method: &entry.method, style: self.style(entry.ignore_case) };
            self.add(place, Rule::List(list, actions), &at);
        }
    }

    fn plain(&mut self, kind: &str, entries: &[String], list: List) {
        for (index, path) in entries.iter().enumerate() {
            let at = self.path(&format!("paths.{kind}"), index);
            let place = Place { path, method: "", style: self.style(false) };
            self.add(place, Rule::List(list, Vec::new()), &at);
        }
    }

    fn action(&mut self, at: &str, method: &str, action: &MethodAction) -> Action {
        match action.action.as_str() {
            "no_action" => Action::Verdict,
            "reply" => Action::Reply(self.reply(
                &format!("{at}.method_actions.{method}"),
                action.code,
                &action.data,
                &action.headers,
            )),
            other => {
                let path = format!("{at}.method_actions.{method}.action");
                self.blueprint
                    .warn(path, format!("{other:?} is neither no_action nor reply: it answers 403"));
                Action::Block
            }
        }
    }

    fn reply(&mut self, at: &str, code: i64, body: &str, headers: &BTreeMap<String, String>) -> Reply {
        let status = u16::try_from(code).ok().and_then(|code| StatusCode::from_u16(code).ok());
        if status.is_none() {
            self.blueprint.refuse(format!("{at}.code"), format!("{code} is no status; it answers 500"));
        }
        let mut fields = Vec::new();
        for (name, value) in headers {
            match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                (Ok(name), Ok(value)) => fields.push((name, value)),
                _ => self.blueprint.warn(format!("{at}.headers"), format!("{name:?} is no header; left out")),
            }
        }
        if !body.is_empty() && !fields.iter().any(|(name, _)| *name == header::CONTENT_TYPE) {
            fields.push((header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")));
        }
        Reply { status, fields, body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    fn internal(&mut self, entries: &[TrackEndpoint]) {
        for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.disabled) {
            let at = self.path("extended_paths.internal", index);
            let place = Place { path: &entry.path, method: &entry.method, style: self.style };
            if let Err(problem) = self.internal.add(place, ()) {
                self.close(&at, &problem.message);
            }
        }
    }

    fn add(&mut self, place: Place<'_>, rule: Rule, at: &str) {
        let blocks = matches!(rule, Rule::List(List::Block, _));
        match self.rules.add(place, rule) {
            Ok(()) => {}
            Err(problem) if blocks => self.close(at, &problem.message),
            Err(problem) => {
                let message = format!("{}; the entry is left out", problem.message);
                self.blueprint.refuse(format!("{at}.path"), message);
            }
        }
    }

    /// Without this entry requests would pass that its author wants refused.
    fn close(&mut self, at: &str, message: &str) {
        self.broken = true;
        self.blueprint.refuse(format!("{at}.path"), format!("{message}; every request is answered 500"));
    }

    fn style(&self, ignore_case: bool) -> PathStyle {
        self.style.ignoring_case(ignore_case || self.version.ignore_endpoint_case)
    }

    fn path(&self, member: &str, index: usize) -> String {
        format!("{}[{index}]", version_path(self.version, member))
    }
}

/// A canned answer.
#[derive(Debug, PartialEq)]
pub(super) struct Reply {
    /// Nothing for a code that is no status.
    status: Option<StatusCode>,
    fields: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Reply {
    pub(super) fn response(&self) -> Result<Response> {
        let status =
            self.status.ok_or(Error::Http { status: 500, message: "Internal Server Error".into() })?;
        let fault = |error: Box<pingora_core::Error>| Error::Internal(error.into());
        let mut head = ResponseHeader::build(status, Some(self.fields.len() + 2)).map_err(fault)?;
        for (name, value) in &self.fields {
            head.append_header(name.clone(), value.clone()).map_err(fault)?;
        }
        Ok(Response { head, body: self.body.clone(), origin: Origin::Mock })
    }
}
