//! From the text of a template to its nodes.

use serde_json::Value;

use super::{Expression, Field, Function, Node};

/// How deep conditions and brackets may nest.
const DEPTH: usize = 32;

/// A piece of the text.
enum Piece<'a> {
    Text(&'a str),
    Action(&'a str),
}

pub(super) fn nodes(text: &str) -> Result<Vec<Node>, String> {
    let mut pieces = split(text)?.into_iter();
    match block(&mut pieces, 0)? {
        (nodes, None) => Ok(nodes),
        (_, Some(end)) => Err(format!("{{{{{}}}}} stands without an if", end.text())),
    }
}

fn split(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let (mut rest, mut trim) = (text, false);
    loop {
        let (before, after) = match rest.split_once("{{") {
            Some((before, after)) => (before, Some(after)),
            None => (rest, None),
        };
        let before = if trim { before.trim_start() } else { before };
        let Some(after) = after else {
            pieces.push(Piece::Text(before));
            return Ok(pieces);
        };
        let (action, behind) = after.split_once("}}").ok_or_else(|| format!("{{{{{after} has no end"))?;
        let left = action.starts_with("- ") || action.starts_with("-\n");
        pieces.push(Piece::Text(if left { before.trim_end() } else { before }));
        let action = if left { action.get(1..).unwrap_or_default() } else { action };
        trim = action.ends_with(" -") || action.ends_with("\n-");
        let action = if trim { action.get(..action.len() - 1).unwrap_or_default() } else { action };
        pieces.push(Piece::Action(action.trim()));
        rest = behind;
    }
}

/// What ends a block.
enum Closing {
    Else,
    ElseIf(Expression),
    End,
}

impl Closing {
    fn text(&self) -> &'static str {
        match self {
            Self::Else => "else",
            Self::ElseIf(_) => "else if",
            Self::End => "end",
        }
    }
}

type Pieces<'a> = std::vec::IntoIter<Piece<'a>>;

/// The nodes up to the action that ends their block, or up to the end of the text.
fn block(pieces: &mut Pieces<'_>, depth: usize) -> Result<(Vec<Node>, Option<Closing>), String> {
    if depth > DEPTH {
        return Err(format!("conditions nest deeper than {DEPTH}"));
    }
    let mut nodes = Vec::new();
    while let Some(piece) = pieces.next() {
        let action = match piece {
            Piece::Text("") => continue,
            Piece::Text(text) => {
                nodes.push(Node::Text(text.to_owned()));
                continue;
            }
            Piece::Action(action) => action,
        };
        if action.starts_with("/*") && action.ends_with("*/") {
            continue;
        }
        let (word, rest) = action.split_once(char::is_whitespace).unwrap_or((action, ""));
        match (word, rest.trim_start()) {
            ("if", condition) => nodes.push(condition_of(pieces, expression(condition)?, depth)?),
            ("else", "") => return Ok((nodes, Some(Closing::Else))),
            ("else", more) if more.starts_with("if ") => {
                let condition = expression(more.get(3..).unwrap_or_default())?;
                return Ok((nodes, Some(Closing::ElseIf(condition))));
            }
            ("end", "") => return Ok((nodes, Some(Closing::End))),
            _ => nodes.push(Node::Print(expression(action)?)),
        }
    }
    Ok((nodes, None))
}

fn condition_of(pieces: &mut Pieces<'_>, first: Expression, depth: usize) -> Result<Node, String> {
    let (mut branches, mut condition) = (Vec::new(), first);
    loop {
        let (nodes, end) = block(pieces, depth + 1)?;
        branches.push((condition, nodes));
        match end {
            Some(Closing::ElseIf(next)) => condition = next,
            Some(Closing::End) => return Ok(Node::If(branches, Vec::new())),
            Some(Closing::Else) => {
                return match block(pieces, depth + 1)? {
                    (otherwise, Some(Closing::End)) => Ok(Node::If(branches, otherwise)),
                    _ => Err("{{else}} has no {{end}}".to_owned()),
                };
            }
            None => return Err("{{if}} has no {{end}}".to_owned()),
        }
    }
}

fn expression(text: &str) -> Result<Expression, String> {
    let wrong = |why: &str| format!("{{{{{text}}}}} is not understood: {why}");
    let words = words(text).map_err(|why| wrong(&why))?;
    let mut rest = words.as_slice();
    let found = command(&mut rest, 0).map_err(|why| wrong(&why))?;
    if rest.is_empty() { Ok(found) } else { Err(wrong("more than one value")) }
}

/// The words of an action: brackets, quoted texts with a quote in front, and the rest.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => 1,
            '"' | '`' => quoted_length(rest, first).ok_or("a text has no end")?,
            '|' | ':' | '=' | '$' => return Err(format!("{first} is not supported")),
            _ => rest.find(|c: char| c.is_whitespace() || "()|".contains(c)).unwrap_or(rest.len()),
        };
        let (word, behind) = rest.split_at(length);
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    Ok(words)
}

/// The length of a quoted text with both its quotes.
fn quoted_length(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().skip(1).find_map(|(at, letter)| {
        let ends = letter == quote && !escaped;
        escaped = quote == '"' && letter == '\\' && !escaped;
        ends.then_some(at + 1)
    })
}

/// A function with its arguments, or a single value.
fn command(words: &mut &[String], depth: usize) -> Result<Expression, String> {
    let function = match words.first().map(String::as_str) {
        Some("eq") => Function::Equal,
        Some("ne") => Function::Differs,
        Some("and") => Function::And,
        Some("or") => Function::Or,
        Some("not") => Function::Not,
        _ => return operand(words, depth),
    };
    *words = words.get(1..).unwrap_or_default();
    let mut arguments = Vec::new();
    while words.first().is_some_and(|word| word != ")") {
        arguments.push(operand(words, depth)?);
    }
    let wanted = match function {
        Function::Equal => arguments.len() >= 2,
        Function::Differs => arguments.len() == 2,
        Function::And | Function::Or => !arguments.is_empty(),
        Function::Not => arguments.len() == 1,
    };
    if wanted {
        Ok(Expression::Call(function, arguments))
    } else {
        Err("wrong number of arguments".to_owned())
    }
}

fn operand(words: &mut &[String], depth: usize) -> Result<Expression, String> {
    let (word, rest) = words.split_first().ok_or("a value is missing")?;
    *words = rest;
    if word == "(" {
        if depth > DEPTH {
            return Err(format!("brackets nest deeper than {DEPTH}"));
        }
        let inner = command(words, depth + 1)?;
        return match words.split_first() {
            Some((close, rest)) if close == ")" => {
                *words = rest;
                Ok(inner)
            }
            _ => Err("a bracket is not closed".to_owned()),
        };
    }
    if word.starts_with('.') {
        return field(word).map(Expression::Field);
    }
    if let Some(text) = word.strip_prefix('`').and_then(|text| text.strip_suffix('`')) {
        return Ok(Expression::Literal(text.into()));
    }
    // Quoted texts, numbers, true and false are written as in JSON.
    match serde_json::from_str(word) {
        Ok(literal @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => {
            Ok(Expression::Literal(literal))
        }
        _ => Err(format!("{word} is not supported")),
    }
}

fn field(word: &str) -> Result<Field, String> {
    let mut names = word.split('.').skip(1);
    let first = names.next().unwrap_or_default();
    let rest: Vec<String> = names.map(str::to_owned).collect();
    match (first, rest.is_empty()) {
        ("Type", true) => Ok(Field::Kind),
        ("TimeStamp", true) => Ok(Field::TimeStamp),
        ("Meta", false) if rest.iter().all(|name| !name.is_empty()) => Ok(Field::Meta(rest)),
        _ => Err("expected .Type, .TimeStamp or .Meta and a name".to_owned()),
    }
}
