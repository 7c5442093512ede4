//! Regexes as definitions write them: RE2's language, run by the `regex` crate.
//!
//! The two languages are close, but not the same. Where they differ the pattern is translated: `\d`, `\w`, `\s`,
//! `\b` know ASCII only, a brace that is no repetition stands for itself, `\Q…\E` quotes, and in a class `[`, `&`
//! and `~` are plain.

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// Enough for every pattern of a definition, small enough that one cannot eat the memory.
const SIZE_LIMIT: usize = 16 << 20;

/// Compiles a pattern of a definition. Search is unanchored.
///
/// # Errors
/// The pattern is no regex.
pub fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&translate(pattern)).octal(true).size_limit(SIZE_LIMIT).build()
}

/// Compiles many patterns into one search.
///
/// # Errors
/// One of them is no regex, or all together are too big.
pub fn compile_set<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns.into_iter().map(translate)).octal(true).size_limit(SIZE_LIMIT).build()
}

/// The same pattern in the language of the `regex` crate.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(first) = rest.chars().next() {
        let mut taken = first.len_utf8();
        match first {
            '\\' => taken = escape(rest, in_class, &mut out),
            '[' if in_class => {
                if rest.starts_with("[:") {
                    taken = rest.find(":]").map_or(1, |end| end + 2);
                    out.push_str(rest.get(..taken).unwrap_or_default());
                } else {
                    out.push_str("\\[");
                }
            }
            '[' => {
                taken = open_class(rest);
                out.push_str(rest.get(..taken).unwrap_or_default());
                // A bracket that comes first in a class is a member of it.
                if rest.get(taken..).is_some_and(|rest| rest.starts_with(']')) {
                    out.push_str("\\]");
                    taken += 1;
                }
                in_class = true;
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => out.extend(['\\', first]),
            '{' if !in_class && !is_repetition(rest) => out.push_str("\\{"),
            other => out.push(other),
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    out
}

/// Length of `[` or `[^`.
fn open_class(rest: &str) -> usize {
    if rest.starts_with("[^") { 2 } else { 1 }
}

/// Whether the brace at the start of `rest` opens `{n}`, `{n,}` or `{n,m}`.
fn is_repetition(rest: &str) -> bool {
    let Some((inner, _)) = rest.get(1..).and_then(|rest| rest.split_once('}')) else { return false };
    let (low, high) = inner.split_once(',').unwrap_or((inner, ""));
    !low.is_empty() && low.bytes().chain(high.bytes()).all(|b| b.is_ascii_digit())
}

/// Translates the escape at the start of `rest` and says how long it was.
fn escape(rest: &str, in_class: bool, out: &mut String) -> usize {
    let Some(escaped) = rest.chars().nth(1) else {
        out.push('\\');
        return 1;
    };
    let length = 1 + escaped.len_utf8();
    let ascii = match escaped {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => "\\t\\n\\x0C\\r ",
        'D' => "[^0-9]",
        'W' => "[^0-9A-Za-z_]",
        'S' => "[^\\t\\n\\x0C\\r ]",
        'b' if !in_class => "(?-u:\\b)",
        'B' if !in_class => "(?:(?-u:\\b){0}(?-u:\\B))",
        '<' => "<",
        '>' => ">",
        'Q' => {
            let quoted = rest.get(2..).unwrap_or_default();
            let end = quoted.find("\\E").unwrap_or(quoted.len());
            out.push_str(&regex::escape(quoted.get(..end).unwrap_or_default()));
            return 2 + (end + 2).min(quoted.len());
        }
        _ => {
            out.push_str(rest.get(..length).unwrap_or_default());
            return length;
        }
    };
    match escaped {
        'd' | 'w' | 's' if !in_class => out.extend(["[", ascii, "]"]),
        _ => out.push_str(ascii),
    }
    length
}

#[cfg(test)]
mod tests;
