//! Headers on their way to and from a worker: an object of lists, names in Go's canonical form.

use std::{borrow::Cow, fmt};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora_http::{RequestHeader, ResponseHeader};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap, SerializeSeq},
};

use crate::hook::canonical;

/// Headers that a hook cannot set: they are the gateway's business, or have a member of their own.
const NOT_THEIRS: [HeaderName; 3] = [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];

/// All headers but `Host`, for a worker.
pub(super) struct Sent<'a>(pub(super) &'a HeaderMap);

impl Serialize for Sent<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for name in self.0.keys().filter(|name| **name != header::HOST) {
            map.serialize_entry(&canonical(name.as_str()), &Values(self.0, name))?;
        }
        map.end()
    }
}

struct Values<'a>(&'a HeaderMap, &'a HeaderName);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        for value in self.0.get_all(self.1) {
            list.serialize_element(&shown(value))?;
        }
        list.end()
    }
}

fn shown(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// A text that is part of the reply where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Text<'de>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Read)
    }
}

/// Headers as a worker gives them.
#[derive(Default)]
pub(super) struct Given<'a>(Vec<(Text<'a>, Texts<'a>)>);

struct Texts<'a>(Vec<Text<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Texts<'de>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a list of texts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts<'de>, A::Error> {
                let mut texts = Vec::with_capacity(1);
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }
        from.deserialize_seq(Read)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Given<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Given<'de>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an object of lists")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Given<'de>, A::Error> {
                let mut all = Vec::with_capacity(16);
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(Given(all))
            }
        }
        from.deserialize_map(Read)
    }
}

/// Something that has headers and keeps how their names are written.
pub(super) trait Head {
    fn headers(&self) -> &HeaderMap;
    fn remove(&mut self, name: &HeaderName);
    /// Adds a value.
    fn add(&mut self, name: String, value: HeaderValue) -> bool;
}

macro_rules! head {
    ($($kind:ty),*) => {$(
        impl Head for $kind {
            fn headers(&self) -> &HeaderMap {
                &self.headers
            }

            fn remove(&mut self, name: &HeaderName) {
                self.remove_header(name);
            }

            fn add(&mut self, name: String, value: HeaderValue) -> bool {
                self.append_header(name, value).is_ok()
            }
        }
    )*};
}
head!(RequestHeader, ResponseHeader);

impl Given<'_> {
    /// Makes these the headers of `head`. Those that are as they were sent stay untouched, bytes that are no text included.
    ///
    /// # Errors
    /// A header that cannot be sent.
    pub(super) fn replace(self, head: &mut impl Head) -> Result<(), String> {
        let mut kept = Vec::with_capacity(self.0.len());
        for (Text(name), Texts(values)) in self.0 {
            let key = parse_name(&name)?;
            if NOT_THEIRS.contains(&key) {
                continue;
            }
            let same = head.headers().get_all(&key).iter().map(shown).eq(values.iter().map(|text| &*text.0));
            if !same {
                head.remove(&key);
                for Text(value) in values {
                    let bad = || format!("its header {name} has a value that cannot be sent: {value:?}");
                    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad())?;
                    if !head.add(name.to_string(), value) {
                        return Err(format!("its header {name} cannot be sent"));
                    }
                }
            }
            kept.push(key);
        }
        let gone: Vec<HeaderName> = head
            .headers()
            .keys()
            .filter(|name| !kept.contains(name) && !NOT_THEIRS.contains(name))
            .cloned()
            .collect();
        for name in gone {
            head.remove(&name);
        }
        Ok(())
    }

    /// These headers by themselves.
    ///
    /// # Errors
    /// A header that cannot be sent.
    pub(super) fn into_map(self) -> Result<HeaderMap, String> {
        let mut map = HeaderMap::with_capacity(self.0.len());
        for (Text(name), Texts(values)) in self.0 {
            let key = parse_name(&name)?;
            for Text(value) in values {
                let value = HeaderValue::from_bytes(value.as_bytes())
                    .map_err(|_| format!("its header {name} has a value that cannot be sent: {value:?}"))?;
                map.append(key.clone(), value);
            }
        }
        Ok(map)
    }
}

fn parse_name(name: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("it set a header whose name is none: {name:?}"))
}
