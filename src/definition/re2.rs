//! Patterns of definitions are written for Go's regexp package. The `regex` crate is its kin, with a few differences
//! that would change or refuse what works in Tyk; [`re2`] evens them out. Every pattern that a user wrote goes
//! through here.
//!
//! | Go | `regex` alone |
//! |---|---|
//! | `\w`, `\d`, `\s`, `\b` are ASCII | are Unicode |
//! | `{` that begins no repetition is a brace | is an error |
//! | `[` inside a class is a bracket; `&&`, `--`, `~~` are characters | begin nested classes and set operations |
//! | `[\w-.]` holds a hyphen | is an error |
//! | `\Q…\E` quotes | is an error |
//!
//! Left as it is: `\B` stays Unicode, as the crate has no other for text.

use std::iter::Peekable;

use regex::Regex;

/// Compiles a pattern as Go would.
///
/// # Errors
/// Go would not take it either: a look-around, a back-reference, a bracket that is not closed.
pub fn re2(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&translate(pattern))
}

type Chars<'a> = Peekable<std::str::Chars<'a>>;

fn translate(pattern: &str) -> String {
    let mut made = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => escape(&mut chars, &mut made),
            '[' => class(&mut chars, &mut made),
            '{' if !is_repetition(&chars) || made.is_empty() => made.push_str("\\{"),
            char => made.push(char),
        }
    }
    made
}

/// What follows a backslash outside a class.
fn escape(chars: &mut Chars<'_>, made: &mut String) {
    match chars.next() {
        Some('Q') => quote(chars, made),
        Some('b') => made.push_str("(?-u:\\b)"),
        Some(kind) => match ascii_class(kind) {
            Some(class) => {
                made.push('[');
                made.push_str(class);
                made.push(']');
            }
            None => {
                made.push('\\');
                made.push(kind);
                braced(kind, chars, made);
            }
        },
        None => made.push('\\'),
    }
}

/// `\Q` up to `\E` or the end: every character stands for itself.
fn quote(chars: &mut Chars<'_>, made: &mut String) {
    while let Some(char) = chars.next() {
        if char == '\\' && chars.peek() == Some(&'E') {
            chars.next();
            return;
        }
        made.push_str(&regex::escape(char.encode_utf8(&mut [0; 4])));
    }
}

/// The braces of `\p{…}` and `\x{…}` are no repetition.
fn braced(kind: char, chars: &mut Chars<'_>, made: &mut String) {
    if matches!(kind, 'p' | 'P' | 'x') && chars.peek() == Some(&'{') {
        for char in chars.by_ref() {
            made.push(char);
            if char == '}' {
                return;
            }
        }
    }
}

/// The members of `\d`, `\s`, `\w` and their opposites, as they stand in a class.
fn ascii_class(kind: char) -> Option<&'static str> {
    Some(match kind {
        'd' => "0-9",
        's' => "\\t\\n\\f\\r ",
        'w' => "0-9A-Za-z_",
        'D' => "^0-9",
        'S' => "^\\t\\n\\f\\r ",
        'W' => "^0-9A-Za-z_",
        _ => return None,
    })
}

/// A bracket expression; its `[` has been read.
fn class(chars: &mut Chars<'_>, made: &mut String) {
    made.push('[');
    if chars.next_if_eq(&'^').is_some() {
        made.push('^');
    }
    if chars.next_if_eq(&']').is_some() {
        made.push_str("\\]");
    }
    while let Some(char) = chars.next() {
        let is_class = match char {
            ']' => {
                made.push(']');
                return;
            }
            '[' if chars.peek() == Some(&':') => posix(chars, made),
            '\\' => escape_in_class(chars, made),
            char => {
                literal_in_class(char, made);
                false
            }
        };
        if !is_class && begins_range(chars) {
            chars.next();
            made.push('-');
            match chars.next() {
                Some('\\') => _ = escape_in_class(chars, made),
                Some(char) => literal_in_class(char, made),
                None => {}
            }
        }
    }
}

/// Whether a hyphen follows and something that it leads up to.
fn begins_range(chars: &Chars<'_>) -> bool {
    let mut ahead = chars.clone();
    ahead.next() == Some('-') && ahead.next().is_some_and(|end| end != ']')
}

fn literal_in_class(char: char, made: &mut String) {
    if matches!(char, '[' | '-' | '&' | '~') {
        made.push('\\');
    }
    made.push(char);
}

/// `[:alpha:]` and the like; its `[` has been read. Without an end it is a bracket.
fn posix(chars: &mut Chars<'_>, made: &mut String) -> bool {
    let name: String = chars.clone().skip(1).take_while(char::is_ascii_alphanumeric).collect();
    let whole = format!(":{name}:]");
    if !name.is_empty() && chars.clone().take(whole.len()).eq(whole.chars()) {
        made.push('[');
        made.push_str(&whole);
        chars.nth(whole.len() - 1);
        return true;
    }
    made.push_str("\\[");
    false
}

/// What follows a backslash inside a class, and whether it is a class itself.
fn escape_in_class(chars: &mut Chars<'_>, made: &mut String) -> bool {
    let Some(kind) = chars.next() else {
        made.push('\\');
        return false;
    };
    match ascii_class(kind) {
        Some(class) if class.starts_with('^') => {
            made.push('[');
            made.push_str(class);
            made.push(']');
            true
        }
        Some(class) => {
            made.push_str(class);
            true
        }
        None => {
            made.push('\\');
            made.push(kind);
            braced(kind, chars, made);
            matches!(kind, 'p' | 'P')
        }
    }
}

/// Whether `n}`, `n,}` or `n,m}` follows.
fn is_repetition(chars: &Chars<'_>) -> bool {
    let inside: String = chars.clone().take_while(|char| *char != '}').take(16).collect();
    if chars.clone().nth(inside.chars().count()) != Some('}') {
        return false;
    }
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match inside.split_once(',') {
        None => number(&inside),
        Some((low, high)) => number(low) && (high.is_empty() || number(high)),
    }
}
