//! The step that asks who calls.

use async_trait::async_trait;
use pingora_proxy::Session;

use crate::{
    auth::Gate,
    chain::{Blueprint, Ctx, Flow, Middleware},
    error::Result,
};

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    Some(Box::new(Auth(Gate::build(blueprint)?)))
}

struct Auth(Gate);

#[async_trait]
impl Middleware for Auth {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        self.0.pass(session, ctx).await
    }

    fn lacks_code(&self) -> bool {
        self.0.hooks().any(|call| call.hook.is_none())
    }

    fn runs_code(&self) -> bool {
        self.0.hooks().next().is_some()
    }
}
