//! What went wrong in a script, as a text for the log.

use rquickjs::{Coerced, Ctx, Error, Value};

/// Why a call ended early.
#[derive(Debug)]
pub(super) enum Fault {
    /// The engine says so; an exception is still to be fetched.
    Js(Error),
    /// What it left cannot be used.
    Wrong(String),
}

pub(super) type Done<T> = Result<T, Fault>;

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Js(error)
    }
}

impl Fault {
    /// What cannot be used, and why.
    pub(super) fn wrong(text: impl Into<String>) -> Self {
        Self::Wrong(text.into())
    }

    /// What it says, with positions in the program. The pending exception is taken.
    pub(super) fn text(self, ctx: &Ctx<'_>) -> Report {
        match self {
            Self::Wrong(text) => Report { text, broken: false },
            Self::Js(Error::Exception) => exception(&ctx.catch()),
            Self::Js(Error::WouldBlock) => Report {
                text: "its promise is never settled: nothing that a script can wait for is left".to_owned(),
                broken: false,
            },
            Self::Js(error) => Report { text: error.to_string(), broken: true },
        }
    }
}

/// A fault for people.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) text: String,
    /// What it happened in is not to be used again.
    pub(super) broken: bool,
}

fn exception(value: &Value<'_>) -> Report {
    let Some(error) = value.as_exception() else {
        let broken = value.is_null() || value.is_uncatchable_error();
        let text = value.get::<Coerced<String>>().map_or_else(|_| "?".to_owned(), |text| text.0);
        return Report { text: format!("it threw {text}"), broken };
    };
    let member = |name: &str| error.get::<_, Coerced<String>>(name).map(|text| text.0).unwrap_or_default();
    let (name, message) = (member("name"), member("message"));
    let stack = error.stack().unwrap_or_default();
    let frames: Vec<&str> = stack.lines().map(str::trim).filter(|line| is_of_a_user(line)).collect();
    let mut text = match frames.first().and_then(|frame| place(frame)) {
        Some(place) => format!("{place}: {name}: {message}"),
        None => format!("{name}: {message}"),
    };
    if frames.len() > 1 || frames.first().is_some_and(|frame| frame.contains('(')) {
        text.push_str(" [");
        text.push_str(&frames.join("; "));
        text.push(']');
    }
    Report { text, broken: message.contains("out of memory") }
}

fn is_of_a_user(frame: &str) -> bool {
    frame.contains(super::program::FILE)
}

/// The position in `at f (file:1:2)` or `at file:1:2`.
fn place(frame: &str) -> Option<&str> {
    let start = frame.find(super::program::FILE)?;
    Some(frame.get(start..)?.trim_end_matches(')'))
}
