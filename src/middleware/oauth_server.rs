//! The OAuth 2 server of an API: it answers its own paths before anything else looks at a request.

use async_trait::async_trait;
use pingora_proxy::Session;

use crate::{
    auth::oauth::Server,
    chain::{Blueprint, Ctx, Flow, Middleware},
    error::Result,
};

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    Some(Box::new(OauthServer(Server::build(blueprint)?)))
}

struct OauthServer(Server);

#[async_trait]
impl Middleware for OauthServer {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        Ok(match self.0.answer(session, ctx).await? {
            Some(response) => Flow::Respond(Box::new(response)),
            None => Flow::Next,
        })
    }
}
