//! The functions of a Go file, found by reading its tokens. What they take is Go's own business: the worker asks for
//! their types when it starts.

/// Functions at top level that have neither receiver nor type parameters.
pub(super) fn declared(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut tokens = Tokens { rest: text };
    let mut depth = 0_usize;
    std::iter::from_fn(move || {
        while let Some(token) = tokens.next() {
            match token {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                "func" if depth == 0 => {
                    let Some(name) = tokens.next() else { break };
                    if name == "(" {
                        depth += 1;
                    } else if tokens.next() == Some("(") {
                        depth += 1;
                        return Some(name.to_owned());
                    } else {
                        depth += 1;
                    }
                }
                _ => {}
            }
        }
        None
    })
}

/// Words and single signs; comments, texts and characters are left out.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            self.rest = self.rest.trim_start();
            let first = self.rest.chars().next()?;
            if let Some(after) = self.rest.strip_prefix("//") {
                self.rest = after.split_once('\n').map_or("", |(_, rest)| rest);
            } else if let Some(after) = self.rest.strip_prefix("/*") {
                self.rest = after.split_once("*/").map_or("", |(_, rest)| rest);
            } else if let Some(after) = self.rest.strip_prefix('`') {
                self.rest = after.split_once('`').map_or("", |(_, rest)| rest);
            } else if matches!(first, '"' | '\'') {
                self.rest = after_quoted(self.rest, first);
            } else {
                let word = |c: char| c.is_alphanumeric() || c == '_';
                let length = match word(first) {
                    true => self.rest.find(|c| !word(c)).unwrap_or(self.rest.len()),
                    false => first.len_utf8(),
                };
                let (token, rest) = self.rest.split_at(length);
                self.rest = rest;
                return Some(token);
            }
        }
    }
}

/// What follows a text or character that ends with `end`.
fn after_quoted(text: &str, end: char) -> &str {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == end => return text.get(at + c.len_utf8()..).unwrap_or_default(),
            _ => {}
        }
    }
    ""
}
