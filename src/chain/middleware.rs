//! The two middleware traits, what builds them, and the chain of one API.

use async_trait::async_trait;
use pingora_proxy::Session;

use super::{Blueprint, Ctx, Flow};
use crate::{
    definition::VersionInfo,
    error::Result,
    hook::{HookKind, Needs, ResponsePart},
};

/// One request step: built once per API, shared by all its requests.
#[async_trait]
pub trait Middleware: Send + Sync {
    /// Runs when the request reaches this step. `Next` goes on; anything else ends the chain. A fault ends it too,
    /// with the status of `Error::answer`. A step that wants the request's body asks [`Ctx::body`] for it.
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow>;

    /// True if code of users that it should run could not be loaded.
    fn lacks_code(&self) -> bool {
        false
    }

    /// True if it runs code of users, in a line that is not one of hooks.
    fn runs_code(&self) -> bool {
        false
    }
}

/// One response step. It runs once per answer of an upstream, before the head is sent to the client.
#[async_trait]
pub trait ResponseMiddleware: Send + Sync {
    /// The bodies that it wants whole. Asked once, when the API is compiled: what nobody wants is streamed.
    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    /// True if code of users that it should run could not be loaded.
    fn lacks_code(&self) -> bool {
        false
    }

    /// Edits the answer in place. Its body is there if any step wants it, unless its kind is never held.
    async fn response(&self, session: &mut Session, ctx: &mut Ctx, answer: &mut ResponsePart) -> Result<()>;
}

/// Builds a request step, or nothing when the definition does not ask for it: an idle feature costs nothing.
pub type Build = fn(&mut Blueprint<'_>) -> Option<Box<dyn Middleware>>;
/// Builds a response step, or nothing.
pub type BuildResponse = fn(&mut Blueprint<'_>) -> Option<Box<dyn ResponseMiddleware>>;
/// Builds one step per hook of that kind, in their order.
pub type BuildHooks = fn(HookKind, &mut Blueprint<'_>) -> Vec<Box<dyn Middleware>>;

/// A line of the request table.
pub enum Slot {
    /// A step that always runs.
    Step(&'static str, Build),
    /// A step that is skipped on an ignored path.
    Guard(&'static str, Build),
    /// All hooks of a kind.
    Hooks(HookKind, BuildHooks),
}

/// A line of the response table.
pub struct ResponseSlot(pub &'static str, pub BuildResponse);

/// A built request step with what the chain needs to know of it.
struct Step {
    /// Name of its line, for logs and the order test.
    name: &'static str,
    guard: bool,
    is_hook: bool,
    run: Box<dyn Middleware>,
}

/// A built response step.
struct ResponseStep {
    /// Name of its line.
    name: &'static str,
    run: Box<dyn ResponseMiddleware>,
}

/// The ordered steps of one API.
#[derive(Default)]
pub struct Chain {
    request: Box<[Step]>,
    response: Box<[ResponseStep]>,
    needs: Needs,
}

impl Chain {
    /// Builds the steps that the definition asks for, in the order of the tables.
    pub fn build(request: &[Slot], response: &[ResponseSlot], blueprint: &mut Blueprint<'_>) -> Self {
        let mut steps = Vec::new();
        for slot in request {
            match slot {
                Slot::Step(name, build) => {
                    steps.extend(build(blueprint).map(|run| Step {
                        name,
                        guard: false,
                        is_hook: false,
                        run,
                    }));
                }
                Slot::Guard(name, build) => {
                    steps.extend(build(blueprint).map(|run| Step { name, guard: true, is_hook: false, run }));
                }
                Slot::Hooks(kind, build) => {
                    let hooks = build(*kind, blueprint);
                    steps.extend(hooks.into_iter().map(|run| Step {
                        name: kind.name(),
                        guard: false,
                        is_hook: true,
                        run,
                    }));
                }
            }
        }
        let response: Box<[ResponseStep]> = response
            .iter()
            .filter_map(|ResponseSlot(name, build)| build(blueprint).map(|run| ResponseStep { name, run }))
            .collect();
        let needs = response.iter().fold(Needs::NOTHING, |needs, step| needs.or(step.run.needs()));
        Self { request: steps.into(), response, needs }
    }

    /// Runs the request side until a step says something other than `Next`.
    ///
    /// # Errors
    /// The fault of the step that had one.
    pub async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        for step in &self.request {
            if step.guard && ctx.ignored {
                continue;
            }
            match step.run.request(session, ctx).await? {
                Flow::Next => {}
                end => return Ok(end),
            }
        }
        Ok(Flow::Next)
    }

    /// Runs the response side.
    ///
    /// # Errors
    /// The fault of the step that had one; the rest is skipped.
    pub async fn response(
        &self,
        session: &mut Session,
        ctx: &mut Ctx,
        answer: &mut ResponsePart,
    ) -> Result<()> {
        for step in &self.response {
            step.run.response(session, ctx, answer).await?;
        }
        Ok(())
    }

    /// The bodies that its response steps want: the request's is read before it goes upstream, the answer's is held.
    /// Request steps read for themselves what they want.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// True if code of users runs on answers, which it may replace.
    pub fn has_response_hooks(&self) -> bool {
        self.response.last().is_some_and(|step| step.name == HookKind::Response.name())
    }

    /// True if code of users that belongs in it could not be loaded.
    pub fn lacks_code(&self) -> bool {
        self.request.iter().any(|step| step.run.lacks_code())
            || self.response.iter().any(|step| step.run.lacks_code())
    }

    /// True if code of users runs in it.
    pub fn has_hooks(&self) -> bool {
        self.request.iter().any(|step| step.is_hook || step.run.runs_code()) || self.has_response_hooks()
    }

    /// Names of the request steps, in order.
    pub fn request_steps(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.request.iter().map(|step| step.name)
    }

    /// Names of the response steps, in order.
    pub fn response_steps(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.response.iter().map(|step| step.name)
    }
}

/// Something compiled once per version entry of a definition and looked up by `Ctx::version`.
#[derive(Debug, Clone)]
pub struct PerVersion<T>(Box<[Option<T>]>);

impl<T> PerVersion<T> {
    /// Compiles each version; `None` when no version wants anything.
    pub fn build(
        versions: &[VersionInfo],
        mut compile: impl FnMut(usize, &VersionInfo) -> Option<T>,
    ) -> Option<Self> {
        let all: Box<[_]> =
            versions.iter().enumerate().map(|(index, version)| compile(index, version)).collect();
        all.iter().any(Option::is_some).then_some(Self(all))
    }

    /// What this request's version wants.
    pub fn of(&self, ctx: &Ctx) -> Option<&T> {
        self.0.get(ctx.version).and_then(Option::as_ref)
    }
}
