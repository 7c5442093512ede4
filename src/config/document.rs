//! A config document as a tree that remembers where each value was written.

use std::{cell::Cell, fmt, io, path::Path};

use serde::{
    Deserialize,
    de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_json::Number;
use serde_saphyr::Spanned;

use crate::error::Problem;

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) kind: Kind,
}

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// Line of the file, from 1; 0 = not known.
    Line(usize),
    /// An environment variable.
    Env(String),
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn new(origin: Origin, kind: Kind) -> Self {
        Self { origin, kind }
    }

    /// An object without members.
    pub(super) fn empty() -> Self {
        Self::new(Origin::Line(0), Kind::Map(Vec::new()))
    }

    /// The value at a path of canonical keys.
    pub(super) fn at<'a>(&self, mut path: impl Iterator<Item = &'a str>) -> Option<&Self> {
        path.try_fold(self, |node, key| match &node.kind {
            Kind::Map(members) => members.iter().find(|(name, _)| name == key).map(|(_, member)| member),
            _ => None,
        })
    }

    /// Whether it asks for anything: not false, 0 or empty.
    pub(super) fn is_set(&self) -> bool {
        match &self.kind {
            Kind::Null => false,
            Kind::Bool(on) => *on,
            Kind::Number(number) => number.as_f64() != Some(0.0),
            Kind::Text(text) => !text.is_empty(),
            Kind::List(items) => !items.is_empty(),
            Kind::Map(members) => members.iter().any(|(_, member)| member.is_set()),
        }
    }

    pub(super) fn into_json(self) -> serde_json::Value {
        match self.kind {
            Kind::Null => serde_json::Value::Null,
            Kind::Bool(on) => on.into(),
            Kind::Number(number) => serde_json::Value::Number(number),
            Kind::Text(text) => text.into(),
            Kind::List(items) => items.into_iter().map(Self::into_json).collect(),
            Kind::Map(members) => {
                members.into_iter().map(|(key, member)| (key, member.into_json())).collect()
            }
        }
    }
}

/// Shows a value as its author wrote it, shortened.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Null => f.write_str("null"),
            Kind::Bool(on) => write!(f, "{on}"),
            Kind::Number(number) => write!(f, "{number}"),
            Kind::Text(text) if text.chars().count() > 40 => {
                write!(f, "\"{}…\"", text.chars().take(40).collect::<String>())
            }
            Kind::Text(text) => write!(f, "{text:?}"),
            Kind::List(_) => f.write_str("a list"),
            Kind::Map(_) => f.write_str("an object"),
        }
    }
}

/// Reads a file's text: JSON or YAML by its extension, else JSON if it begins with `{`.
pub(super) fn parse(path: &Path, text: &str) -> Result<Node, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let place = path.display().to_string();
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let json = match extension.to_ascii_lowercase().as_str() {
        "json" => true,
        "yaml" | "yml" => false,
        _ => text.trim_start().starts_with('{'),
    };
    let node = if json { parse_json(text, &place)? } else { parse_yaml(text, &place)? };
    Ok(match node.kind {
        Kind::Null => Node::empty(),
        _ => node,
    })
}

/// Reads JSON.
pub(super) fn parse_json(text: &str, place: &str) -> Result<Node, Problem> {
    let line = Cell::new(1);
    let lines = Lines { rest: text.as_bytes(), line: &line, pending: false };
    let mut json = serde_json::Deserializer::from_reader(lines);
    let node = JsonNode(&line).deserialize(&mut json).and_then(|node| json.end().map(|()| node));
    node.map_err(|err| {
        let message = err.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
        Problem::error(place, "", format!("broken JSON: {message}, column {}", err.column()))
            .at_line(err.line())
    })
}

fn parse_yaml(text: &str, place: &str) -> Result<Node, Problem> {
    serde_saphyr::from_str::<Spanned<Kind>>(text).map(Node::from).map_err(|err| {
        let message = err.without_snippet().to_string();
        let problem = Problem::error(place, "", format!("broken YAML: {message}"));
        match err.location() {
            Some(location) => problem.at_line(location.line() as usize),
            None => problem,
        }
    })
}

/// Hands a text out byte by byte, so that the line of the value just read is known: serde_json tells its own
/// position only in errors.
struct Lines<'a> {
    rest: &'a [u8],
    line: &'a Cell<usize>,
    /// The last byte was a line's end; the next one is on a new line.
    pending: bool,
}

impl io::Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (Some((byte, rest)), Some(slot)) = (self.rest.split_first(), buffer.first_mut()) else {
            return Ok(0);
        };
        if self.pending {
            self.line.set(self.line.get() + 1);
        }
        self.pending = *byte == b'\n';
        *slot = *byte;
        self.rest = rest;
        Ok(1)
    }
}

struct JsonNode<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for JsonNode<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let line = self.0;
        deserializer.deserialize_any(KindVisitor(self)).map(|(kind, start)| {
            // A list or an object begins where its first byte is; a scalar is known when it has been read.
            Node::new(Origin::Line(start.unwrap_or_else(|| line.get())), kind)
        })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor(Yaml)).map(|(kind, _)| kind)
    }
}

impl From<Spanned<Kind>> for Node {
    fn from(spanned: Spanned<Kind>) -> Self {
        Self::new(Origin::Line(spanned.referenced.line() as usize), spanned.value)
    }
}

/// How items of a list or an object are read, and where one begins.
trait Items: Copy {
    fn line(self) -> usize;
    fn item<'de, A: SeqAccess<'de>>(self, seq: &mut A) -> Result<Option<Node>, A::Error>;
    fn member<'de, A: MapAccess<'de>>(self, map: &mut A) -> Result<Node, A::Error>;
}

#[derive(Clone, Copy)]
struct Yaml;

impl Items for Yaml {
    fn line(self) -> usize {
        0
    }

    fn item<'de, A: SeqAccess<'de>>(self, seq: &mut A) -> Result<Option<Node>, A::Error> {
        Ok(seq.next_element::<Spanned<Kind>>()?.map(Node::from))
    }

    fn member<'de, A: MapAccess<'de>>(self, map: &mut A) -> Result<Node, A::Error> {
        map.next_value::<Spanned<Kind>>().map(Node::from)
    }
}

impl Clone for JsonNode<'_> {
    fn clone(&self) -> Self {
        *self
    }
}

impl Copy for JsonNode<'_> {}

impl Items for JsonNode<'_> {
    fn line(self) -> usize {
        self.0.get()
    }

    fn item<'de, A: SeqAccess<'de>>(self, seq: &mut A) -> Result<Option<Node>, A::Error> {
        seq.next_element_seed(self)
    }

    fn member<'de, A: MapAccess<'de>>(self, map: &mut A) -> Result<Node, A::Error> {
        map.next_value_seed(self)
    }
}

/// Takes any value; with a list or object comes the line it began on.
struct KindVisitor<I>(I);

impl<'de, I: Items> Visitor<'de> for KindVisitor<I> {
    type Value = (Kind, Option<usize>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok((Kind::Null, None))
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        self.visit_unit()
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok((Kind::Bool(value), None))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok((Kind::Number(value.into()), None))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok((Kind::Number(value.into()), None))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("expected a finite number"))?;
        Ok((Kind::Number(number), None))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok((Kind::Text(value.to_owned()), None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let start = self.0.line();
        let mut items = Vec::new();
        while let Some(item) = self.0.item(&mut seq)? {
            items.push(item);
        }
        Ok((Kind::List(items), Some(start)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let start = self.0.line();
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            members.push((key, self.0.member(&mut map)?));
        }
        Ok((Kind::Map(members), Some(start)))
    }
}
