//! Reading user and password.

use base64::{Engine, engine::general_purpose::STANDARD};
use regex::Regex;

use crate::{
    chain::{Blueprint, Denial},
    definition::re2,
};

/// A user and the password that came along. Never printed.
#[derive(PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: String,
}

impl User {
    /// From `<any word> <base64 of name:password>`. A password cannot hold a colon.
    pub(super) fn from_header(credential: &str) -> Result<Self, Denial> {
        let mut words = credential.split(' ');
        let (Some(_), Some(encoded), None) = (words.next(), words.next(), words.next()) else {
            return Err(Denial::new(
                400,
                "Attempted access with malformed header, header not in basic auth format",
            ));
        };
        let decoded = STANDARD.decode(encoded).map_err(|_| {
            Denial::new(400, "Attempted access with malformed header, auth data not encoded correctly")
        })?;
        let decoded = String::from_utf8_lossy(&decoded);
        let mut parts = decoded.split(':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), Some(password), None) => {
                Ok(Self { name: name.to_owned(), password: password.to_owned() })
            }
            _ => Err(Denial::new(
                400,
                "Attempted access with malformed header, values not in basic auth format",
            )),
        }
    }
}

/// Where a body holds user and password.
pub(super) struct BodyPatterns {
    user: Regex,
    password: Regex,
}

impl BodyPatterns {
    /// Compiles both patterns; what is missing or broken is noted.
    pub(super) fn compile(blueprint: &mut Blueprint<'_>) -> Option<Self> {
        let settings = &blueprint.definition.basic_auth;
        let mut pattern = |member: &str, pattern: &str| {
            let reason = match re2::compile(pattern) {
                Ok(_) if pattern.is_empty() => "it is empty".to_owned(),
                Ok(compiled) => return Some(compiled),
                Err(error) => format!("it is no pattern: {error}"),
            };
            let message = format!(
                "{reason}: users are not asked for, as in Tyk; the API's other methods count, or auth tokens if it has none"
            );
            blueprint.refuse(format!("basic_auth.{member}"), message);
            None
        };
        let user = pattern("body_user_regexp", &settings.body_user_regexp);
        let password = pattern("body_password_regexp", &settings.body_password_regexp);
        Some(Self { user: user?, password: password? })
    }

    #[cfg(test)]
    pub(super) fn of(user: Regex, password: Regex) -> Self {
        Self { user, password }
    }

    pub(super) fn read(&self, body: &str) -> Result<User, Denial> {
        let name = first_group(&self.user, body)
            .ok_or(Denial::new(400, "Body do not contain username"))?
            .ok_or(Denial::new(400, "username should be inside regexp match group"))?;
        let password = first_group(&self.password, body)
            .ok_or(Denial::new(400, "Body do not contain password"))?
            .ok_or(Denial::new(400, "password should be inside regexp match group"))?;
        Ok(User { name, password })
    }
}

/// Nothing if there is no match; nothing inside if the pattern has no group.
fn first_group(pattern: &Regex, body: &str) -> Option<Option<String>> {
    let captures = pattern.captures(body)?;
    let text = captures.get(1).map_or("", |group| group.as_str());
    Some((captures.len() > 1).then(|| text.to_owned()))
}
