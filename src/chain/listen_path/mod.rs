//! The path that an API listens on: how it is written, what it matches, what is taken off before proxying
//! (api-definition reference 1.5, 1.9, 1.11). Which API wins is `router`.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use regex::Regex;

use crate::definition::re2;

/// Why a listen path, or the domain beside it, matches nothing; its API cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// There is none.
    #[error("it is empty")]
    Empty,
    /// A space can stand in no path of a request line.
    #[error("it holds a space")]
    Space,
    /// It does not begin with `/`.
    #[error("it does not begin with /")]
    NotRooted,
    /// `{` and `}` do not pair.
    #[error("its braces are not balanced")]
    Braces,
    /// `{}`, `{:x}` or `{x:}`.
    #[error("name or pattern is missing in {0:?}")]
    Incomplete(String),
    /// The pattern has a capture group.
    #[error("{0:?} has a capture group; only (?:…) may be used")]
    Captures(String),
    /// The pattern is no regular expression.
    #[error("{pattern:?} is no regular expression: {reason}")]
    Pattern {
        /// As written.
        pattern: String,
        /// What the compiler said.
        reason: String,
    },
}

/// A listen path, compiled.
#[derive(Debug, Clone)]
pub struct ListenPath {
    text: Box<str>,
    /// Matches at the start of a path; only if the text has `{…}`.
    template: Option<Regex>,
}

impl ListenPath {
    /// Compiles a listen path, in its normal form (`definition::normalise_listen_path`). On an error its API is left out.
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        if text.is_empty() {
            return Err(TemplateError::Empty);
        }
        if text.contains(' ') {
            return Err(TemplateError::Space);
        }
        if !text.starts_with('/') {
            return Err(TemplateError::NotRooted);
        }
        Ok(Self { text: text.into(), template: compile_template(text, "[^/]+", "")? })
    }

    /// The listen path as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The expression that matches at the start of a path, if this is no plain text.
    pub(super) fn template(&self) -> Option<&Regex> {
        self.template.as_ref()
    }

    /// What routes are sorted by, longest first: the length; with `{…}` only slashes and what is fixed counts.
    pub(super) fn sort_length(&self) -> usize {
        if !self.text.contains('{') {
            return self.text.len();
        }
        let is_parameter = |segment: &&str| segment.starts_with('{') && segment.ends_with('}');
        let fixed: usize = self.text.split('/').filter(|segment| !is_parameter(segment)).map(str::len).sum();
        self.text.matches('/').count() + fixed
    }

    /// Takes the listen path off a path, decoded or escaped. Purely textual, so `/app` turns `/apple/x` into
    /// `/le/x`; a path that does not begin with it is left alone. The result begins with `/`.
    pub fn strip<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let end = if path.starts_with(&*self.text) {
            self.text.len()
        } else {
            let found = self.template.as_ref().and_then(|template| template.find(path));
            found.map_or(0, |found| found.end())
        };
        let rest = path.get(end..).unwrap_or_default();
        if rest.starts_with('/') {
            return Cow::Borrowed(rest);
        }
        if rest.is_empty() {
            return Cow::Borrowed("/");
        }
        // Mostly the listen path's own trailing slash can serve as the leading one.
        match end.checked_sub(1).and_then(|slash| path.get(slash..)) {
            Some(rest) if rest.starts_with('/') => Cow::Borrowed(rest),
            _ => Cow::Owned(["/", rest].concat()),
        }
    }
}

/// The expression for a text with `{name}` or `{name:pattern}` in it, anchored at the start; `None` if it has no
/// braces. A bare `{name}` is `default`; `tail` is appended to the expression.
pub(super) fn compile_template(
    text: &str,
    default: &str,
    tail: &str,
) -> Result<Option<Regex>, TemplateError> {
    let mut expression = String::from("^");
    let mut rest = text;
    while let Some((literal, group, after)) = next_group(rest)? {
        expression.push_str(&regex::escape(literal));
        let (name, pattern) = group.split_once(':').unwrap_or((group, default));
        if name.is_empty() || pattern.is_empty() {
            return Err(TemplateError::Incomplete(text.to_owned()));
        }
        check_pattern(pattern)?;
        expression.extend(["(?:", pattern, ")"]);
        rest = after;
    }
    if rest.len() == text.len() {
        return Ok(None);
    }
    expression.extend([&regex::escape(rest), tail]);
    compile(&expression).map(Some)
}

/// Splits at the first pair of braces: what is before, between and after. Braces may nest, as in `{id:[0-9]{2}}`.
fn next_group(text: &str) -> Result<Option<(&str, &str, &str)>, TemplateError> {
    let mut depth = 0_usize;
    let mut open = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => {
                if depth == 0 {
                    open = at;
                }
                depth += 1;
            }
            b'}' => {
                depth = depth.checked_sub(1).ok_or(TemplateError::Braces)?;
                if depth == 0 {
                    let parts = (text.get(..open), text.get(open + 1..at), text.get(at + 1..));
                    let (Some(before), Some(group), Some(after)) = parts else { return Ok(None) };
                    return Ok(Some((before, group, after)));
                }
            }
            _ => {}
        }
    }
    if depth == 0 { Ok(None) } else { Err(TemplateError::Braces) }
}

fn check_pattern(pattern: &str) -> Result<(), TemplateError> {
    if compile(pattern)?.captures_len() > 1 {
        return Err(TemplateError::Captures(pattern.to_owned()));
    }
    Ok(())
}

fn compile(pattern: &str) -> Result<Regex, TemplateError> {
    re2::compile(pattern).map_err(|error| TemplateError::Pattern {
        pattern: pattern.to_owned(),
        reason: error.to_string().lines().last().unwrap_or_default().trim().to_owned(),
    })
}
