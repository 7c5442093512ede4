//! The shape of a config type, asked from the type itself.
//!
//! serde tells a deserializer the field names of every struct it wants. [`Schema::of`] answers each question
//! with a made-up value and writes the questions down, so the list of known keys never has to be kept by hand.

use std::fmt;

use serde::{
    Deserialize,
    de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor, value::StrDeserializer},
    forward_to_deserialize_any,
};

/// What a place in a config document may hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Schema {
    Bool,
    Int {
        min: i128,
        max: i128,
    },
    Float,
    Text,
    /// A text that may be a reference to a secret.
    Secret,
    /// One of some texts.
    Choice(&'static [&'static str]),
    /// Nanoseconds or a text such as `10s`.
    Duration,
    List(Box<Schema>),
    Map(Box<Schema>),
    Struct(Vec<(&'static str, Schema)>),
    /// Not typed.
    Any,
}

impl Schema {
    /// The shape of `T`. `T` must accept a document in which every key is given.
    pub(super) fn of<T: for<'de> Deserialize<'de>>() -> Self {
        let mut schema = Self::Any;
        // A type that refuses the made-up values keeps what was learned up to there; tests cover ours.
        let _ = T::deserialize(Tracer(&mut schema));
        schema
    }

    /// The schema of a direct member.
    pub(super) fn member(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Struct(fields) => fields.iter().find(|(name, _)| *name == key).map(|(_, schema)| schema),
            _ => None,
        }
    }

    /// Whether it is a single value.
    pub(super) fn is_scalar(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Map(_) | Self::Struct(_) | Self::Any)
    }
}

/// The answer never matters, only whether one was possible.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Tracer<'a>(&'a mut Schema);

macro_rules! integers {
    ($($method:ident $visit:ident $int:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            *self.0 = Schema::Int { min: $int::MIN as i128, max: $int::MAX as i128 };
            visitor.$visit(0)
        }
    )*};
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        *self.0 = Schema::Any;
        visitor.visit_unit()
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        *self.0 = Schema::Bool;
        visitor.visit_bool(false)
    }

    integers! {
        deserialize_i8 visit_i8 i8 deserialize_i16 visit_i16 i16 deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64 deserialize_u8 visit_u8 u8 deserialize_u16 visit_u16 u16
        deserialize_u32 visit_u32 u32 deserialize_u64 visit_u64 u64
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        *self.0 = Schema::Float;
        visitor.visit_f32(0.0)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        *self.0 = Schema::Float;
        visitor.visit_f64(0.0)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        *self.0 = Schema::Text;
        visitor.visit_str("")
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let value = visitor.visit_newtype_struct(Tracer(self.0))?;
        match name {
            "GoDuration" => *self.0 = Schema::Duration,
            "Secret" => *self.0 = Schema::Secret,
            _ => {}
        }
        Ok(value)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let mut item = Schema::Any;
        let value = visitor.visit_seq(One { slot: &mut item, spent: false })?;
        *self.0 = Schema::List(Box::new(item));
        Ok(value)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let mut item = Schema::Any;
        let value = visitor.visit_map(One { slot: &mut item, spent: false })?;
        *self.0 = Schema::Map(Box::new(item));
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let mut fields = Vec::with_capacity(names.len());
        let value = visitor.visit_map(Fields { names: names.iter(), current: "", fields: &mut fields })?;
        *self.0 = Schema::Struct(fields);
        Ok(value)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        *self.0 = Schema::Choice(variants);
        visitor.visit_enum(variants.first().copied().unwrap_or_default().into_deserializer())
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// A list or map with one made-up item.
struct One<'a> {
    slot: &'a mut Schema,
    spent: bool,
}

impl<'de> de::SeqAccess<'de> for One<'_> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        if std::mem::replace(&mut self.spent, true) {
            return Ok(None);
        }
        seed.deserialize(Tracer(self.slot)).map(Some)
    }
}

impl<'de> de::MapAccess<'de> for One<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        if std::mem::replace(&mut self.spent, true) {
            return Ok(None);
        }
        seed.deserialize("".into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        seed.deserialize(Tracer(self.slot))
    }
}

/// Every field of a struct, one after the other.
struct Fields<'a> {
    names: std::slice::Iter<'static, &'static str>,
    current: &'static str,
    fields: &'a mut Vec<(&'static str, Schema)>,
}

impl<'de> de::MapAccess<'de> for Fields<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        let Some(name) = self.names.next() else { return Ok(None) };
        self.current = name;
        let key: StrDeserializer<'_, Refused> = name.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        let mut schema = Schema::Any;
        let value = seed.deserialize(Tracer(&mut schema))?;
        self.fields.push((self.current, schema));
        Ok(value)
    }
}
