//! Bodies of web hooks: the part of Go's `text/template` that they are written in.
//!
//! Known are the fields `.Type`, `.TimeStamp` and `.Meta.NAME`, `if`, `else if`, `else`, `end`, the functions `eq`,
//! `ne`, `and`, `or`, `not`, literals, comments and trim markers. Whatever else stands in a template is an error
//! with its text.
//!
//! In a JSON body the text of a field is escaped, which Go's does not do: a client that chooses its key must not be
//! able to write members of its own.

mod parse;

use serde_json::Value;

use super::Event;

/// A compiled template.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Template {
    nodes: Vec<Node>,
    json: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    Print(Expression),
    /// Branches, the first whose condition holds; then what is left.
    If(Vec<(Expression, Vec<Node>)>, Vec<Node>),
}

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Field(Field),
    Literal(Value),
    Call(Function, Vec<Self>),
}

#[derive(Debug, Clone, PartialEq)]
enum Field {
    Kind,
    TimeStamp,
    /// The names behind `.Meta`.
    Meta(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Equal,
    Differs,
    And,
    Or,
    Not,
}

impl Template {
    /// Compiles a text. `json` escapes fields for a JSON body.
    ///
    /// # Errors
    /// What in it is not understood.
    pub(super) fn parse(text: &str, json: bool) -> Result<Self, String> {
        Ok(Self { nodes: parse::nodes(text)?, json })
    }

    /// True if the body differs from one event to the next in its time.
    pub(super) fn shows_time(&self) -> bool {
        shows_time(&self.nodes)
    }

    /// The body for an event.
    pub(super) fn render(&self, event: &Event) -> String {
        let mut out = String::with_capacity(256);
        self.write(&self.nodes, event, &mut out);
        out
    }

    fn write(&self, nodes: &[Node], event: &Event, out: &mut String) {
        for node in nodes {
            match node {
                Node::Text(text) => out.push_str(text),
                Node::Print(expression) => self.print(&expression.value(event), out),
                Node::If(branches, otherwise) => {
                    let chosen = branches.iter().find(|(condition, _)| is_true(&condition.value(event)));
                    self.write(chosen.map_or(otherwise, |(_, nodes)| nodes), event, out);
                }
            }
        }
    }

    fn print(&self, value: &Value, out: &mut String) {
        match value {
            Value::Null => {}
            Value::String(text) if self.json => {
                let quoted = Value::from(text.as_str()).to_string();
                out.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
            }
            Value::String(text) => out.push_str(text),
            other => out.push_str(&other.to_string()),
        }
    }
}

fn shows_time(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Text(_) => false,
        Node::Print(expression) => *expression == Expression::Field(Field::TimeStamp),
        Node::If(branches, otherwise) => {
            branches.iter().any(|(_, nodes)| shows_time(nodes)) || shows_time(otherwise)
        }
    })
}

impl Expression {
    fn value(&self, event: &Event) -> Value {
        match self {
            Self::Literal(value) => value.clone(),
            Self::Field(Field::Kind) => (*event.name).into(),
            Self::Field(Field::TimeStamp) => event.time_stamp().into(),
            Self::Field(Field::Meta(names)) => meta(event, names).cloned().unwrap_or_default(),
            Self::Call(function, arguments) => call(*function, arguments, event),
        }
    }
}

fn call(function: Function, arguments: &[Expression], event: &Event) -> Value {
    let mut values = arguments.iter().map(|argument| argument.value(event));
    match function {
        Function::Equal | Function::Differs => {
            let first = values.next().unwrap_or_default();
            let same = values.any(|other| is_same(&first, &other));
            Value::Bool(same == (function == Function::Equal))
        }
        // The value that decides, as in Go.
        Function::And => {
            values.by_ref().find(|value| !is_true(value)).unwrap_or_else(|| last(arguments, event))
        }
        Function::Or => values.by_ref().find(is_true).unwrap_or_else(|| last(arguments, event)),
        Function::Not => Value::Bool(!values.next().is_some_and(|value| is_true(&value))),
    }
}

fn last(arguments: &[Expression], event: &Event) -> Value {
    arguments.last().map(|argument| argument.value(event)).unwrap_or_default()
}

/// A number is the same number however it is written.
fn is_same(one: &Value, other: &Value) -> bool {
    one == other || one.as_f64().is_some_and(|number| other.as_f64() == Some(number))
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(holds) => *holds,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// A member of what there is to say. Templates name some by the field of Tyk's struct: `OrgID` is `org_id`.
fn meta<'a>(event: &'a Event, names: &[String]) -> Option<&'a Value> {
    let (first, rest) = names.split_first()?;
    let found = event.meta.get(first).or_else(|| event.meta.get(&snake_case(first)))?;
    rest.iter().try_fold(found, |value, name| value.get(name))
}

fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && lower {
            out.push('_');
        }
        lower = letter.is_ascii_lowercase();
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests;
