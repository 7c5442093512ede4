//! Patterns of definitions are written for Go's regexp package. The `regex` crate is its kin, with a few differences
//! that would change or refuse what works in Tyk; they are evened out here. Every pattern that a user wrote goes
//! through this module.
//!
//! | Go | `regex` alone |
//! |---|---|
//! | `\w`, `\d`, `\s`, `\b` are ASCII | are Unicode |
//! | `{` that begins no repetition is a brace | is an error |
//! | `[` inside a class is a bracket; `&&`, `--`, `~~` are characters | begin nested classes and set operations |
//! | `[\w-.]` holds a hyphen | is an error |
//! | `\Q…\E` quotes | is an error |
//! | `\<`, `\>` are characters | are word boundaries |
//! | `\012` is a character | is an error |

use std::iter::Peekable;

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// Bytes that a compiled pattern may take: enough for every pattern that a person writes, too little to eat the
/// memory.
const SIZE_LIMIT: usize = 16 << 20;

/// Compiles a pattern as Go would. Search is unanchored.
///
/// # Errors
/// Go would not take it either: a look-around, a back-reference, a bracket that is not closed.
pub fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&translate(pattern)).size_limit(SIZE_LIMIT).build()
}

/// Compiles many patterns into one search.
///
/// # Errors
/// One of them is no regex, or all together are too big.
pub fn compile_set<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns.into_iter().map(translate)).size_limit(SIZE_LIMIT).build()
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
        Some('B') => made.push_str("(?-u:\\B)"),
        Some(kind) => match ascii_class(kind) {
            Some(class) => {
                made.push('[');
                made.push_str(class);
                made.push(']');
            }
            None => plain_escape(kind, chars, made),
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

/// An escape that means the same inside and outside of a class.
fn plain_escape(kind: char, chars: &mut Chars<'_>, made: &mut String) {
    match kind {
        '<' | '>' => made.push(kind),
        '0'..='7' => octal(kind, chars, made),
        _ => {
            made.push('\\');
            made.push(kind);
        }
    }
    // The braces of `\p{…}` and `\x{…}` are no repetition.
    if matches!(kind, 'p' | 'P' | 'x') && chars.peek() == Some(&'{') {
        for char in chars.by_ref() {
            made.push(char);
            if char == '}' {
                return;
            }
        }
    }
}

/// Up to three octal digits. One digit other than 0 is a back-reference, which nobody takes.
fn octal(first: char, chars: &mut Chars<'_>, made: &mut String) {
    let mut digits = String::from(first);
    while digits.len() < 3
        && let Some(digit) = chars.next_if(|char| ('0'..='7').contains(char))
    {
        digits.push(digit);
    }
    match u32::from_str_radix(&digits, 8) {
        Ok(code) if digits.len() > 1 || first == '0' => made.push_str(&format!("\\x{{{code:x}}}")),
        _ => {
            made.push('\\');
            made.push_str(&digits);
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
            plain_escape(kind, chars, made);
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
