//! How JSON members become fields, by the rules of the gateway's decoder (api-definition reference 1.4): names
//! match whatever their case, `null` leaves the default, the last duplicate wins, a wrong type is an error with
//! its path, and a member that nobody knows is kept for the way back.
//!
//! `serde(flatten)` would keep unknown members too, but it buffers, so that errors lose their path and line. Hence
//! the [`members!`](crate::definition::member::members) macro, from which the list of known names comes as well.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, MapAccess},
};
use serde_json::{Map, Value};

/// A member that no field stands for.
#[derive(Debug)]
pub(crate) struct Unknown<'a> {
    /// Where it is, from the root of the document.
    pub(crate) path: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
    /// The names that its object knows.
    pub(crate) known: &'static [&'static str],
}

/// Called for each unknown member.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(Unknown<'_>);

/// A value that a member of a definition may have.
pub(crate) trait Member: Default {
    /// Reads it; `null` is the default.
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error>;
    /// Writes it as the gateway prints it: an empty list or map is `null`.
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error>;
    /// Whether it is what an absent member gives.
    fn is_zero(&self) -> bool;
    /// Names the unknown members at and below it. `path` is the way to here and is left as it was.
    fn unknown(&self, _path: &mut String, _visit: Visit<'_>) {}
}

/// A member's value on its way in.
pub(crate) struct Read<T>(pub(crate) T);

impl<'de, T: Member> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::read(from).map(Read)
    }
}

/// A member's value on its way out.
pub(crate) struct Write<'a, T>(pub(crate) &'a T);

impl<T: Member> Serialize for Write<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.write(to)
    }
}

/// Reads the next value of a map into a field.
pub(crate) struct Place<'a, T>(pub(crate) &'a mut T);

impl<'de, T: Member> DeserializeSeed<'de> for Place<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        *self.0 = T::read(from)?;
        Ok(())
    }
}

/// The members of an object that no field stands for, as they were written. Mostly there are none, so that costs a
/// pointer only.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extra(Option<Box<Map<String, Value>>>);

impl Extra {
    /// A member by its exact name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.as_ref()?.get(name)
    }

    /// All of them, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter().flat_map(|members| members.iter())
    }

    /// Sets a member.
    pub(crate) fn insert(&mut self, name: String, value: Value) {
        self.0.get_or_insert_default().insert(name, value);
    }
}

/// Reads a whole object: `take` gets each name and says whether it knew it; the rest lands in `extra`.
pub(crate) fn read_members<'de, A: MapAccess<'de>>(
    map: &mut A,
    extra: &mut Extra,
    mut take: impl FnMut(&str, &mut A) -> Result<bool, A::Error>,
) -> Result<(), A::Error> {
    while let Some(name) = map.next_key::<String>()? {
        if !take(&name, map)? {
            let value = map.next_value()?;
            extra.insert(name, value);
        }
    }
    Ok(())
}

/// Adds a map key to a path, in brackets when it is not a plain word.
pub(crate) fn push_key(path: &mut String, key: &str) {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if plain {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
    } else {
        path.push_str(&format!("[{key:?}]"));
    }
}

/// Runs `inside` with `step` at the end of the path.
pub(crate) fn below(path: &mut String, step: &str, inside: impl FnOnce(&mut String)) {
    let length = path.len();
    push_key(path, step);
    inside(path);
    path.truncate(length);
}

macro_rules! plain_members {
    ($($kind:ty),*) => {$(
        impl Member for $kind {
            fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Option::<Self>::deserialize(from).map(Option::unwrap_or_default)
            }
            fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                self.serialize(to)
            }
            fn is_zero(&self) -> bool {
                *self == Self::default()
            }
        }
    )*};
}
plain_members!(bool, String, i64, u16, u64);

impl Member for f64 {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::<Self>::deserialize(from).map(Option::unwrap_or_default)
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if self.fract() == 0.0 && self.abs() < EXACT {
            to.serialize_i64(*self as i64)
        } else {
            to.serialize_f64(*self)
        }
    }
    fn is_zero(&self) -> bool {
        *self == 0.0
    }
}

impl Member for Value {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::deserialize(from)
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.serialize(to)
    }
    fn is_zero(&self) -> bool {
        self.is_null()
    }
}

impl Member for Map<String, Value> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::<Self>::deserialize(from).map(Option::unwrap_or_default)
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.is_empty() { to.serialize_none() } else { self.serialize(to) }
    }
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Member> Member for Vec<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let list = Option::<Vec<Read<T>>>::deserialize(from)?.unwrap_or_default();
        Ok(list.into_iter().map(|item| item.0).collect())
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.is_empty() { to.serialize_none() } else { to.collect_seq(self.iter().map(Write)) }
    }
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
    fn unknown(&self, path: &mut String, visit: Visit<'_>) {
        let length = path.len();
        for (index, item) in self.iter().enumerate() {
            path.push_str(&format!("[{index}]"));
            item.unknown(path, visit);
            path.truncate(length);
        }
    }
}

impl<T: Member> Member for BTreeMap<String, T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let map = Option::<BTreeMap<String, Read<T>>>::deserialize(from)?.unwrap_or_default();
        Ok(map.into_iter().map(|(key, value)| (key, value.0)).collect())
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.is_empty() {
            to.serialize_none()
        } else {
            to.collect_map(self.iter().map(|(key, value)| (key, Write(value))))
        }
    }
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
    fn unknown(&self, path: &mut String, visit: Visit<'_>) {
        for (key, value) in self {
            below(path, key, |path| value.unknown(path, visit));
        }
    }
}

impl<T: Member> Member for Option<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::<Read<T>>::deserialize(from)?.map(|value| value.0))
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.as_ref().map(Write).serialize(to)
    }
    fn is_zero(&self) -> bool {
        self.is_none()
    }
    fn unknown(&self, path: &mut String, visit: Visit<'_>) {
        if let Some(value) = self {
            value.unknown(path, visit);
        }
    }
}

impl<T: Member> Member for Box<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::read(from).map(Box::new)
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        T::write(self, to)
    }
    fn is_zero(&self) -> bool {
        T::is_zero(self)
    }
    fn unknown(&self, path: &mut String, visit: Visit<'_>) {
        T::unknown(self, path, visit);
    }
}

/// The JSON name of a field: its own, unless another is given.
macro_rules! json_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $json:literal) => {
        $json
    };
}
pub(crate) use json_name;

/// Whether a member is printed although it is empty. `omit` fields are not.
macro_rules! printed {
    ($value:expr) => {
        true
    };
    ($value:expr, omit) => {
        !$crate::definition::member::Member::is_zero($value)
    };
}
pub(crate) use printed;

/// Declares objects of a definition. A field is `name: Type`, then `as "NAME"` if the JSON name differs, then
/// `=> omit` if it is not printed when empty. Each object gets `extra`, the members that it does not know.
macro_rules! members {
    ($(
        $(#[$meta:meta])*
        pub struct $Name:ident {
            $( $(#[$doc:meta])* $field:ident : $kind:ty $(as $json:literal)? $(=> $omit:ident)? ),* $(,)?
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $Name {
            $( $(#[$doc])* pub $field: $kind, )*
            /// Members that have no field here, as they were written.
            pub extra: $crate::definition::member::Extra,
        }

        impl $Name {
            /// The JSON names that this object knows.
            pub const MEMBERS: &'static [&'static str] =
                &[$( $crate::definition::member::json_name!($field $($json)?) ),*];
        }

        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = $Name;

                    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        to.write_str("an object")
                    }
                    fn visit_unit<E>(self) -> Result<$Name, E> {
                        Ok($Name::default())
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$Name, A::Error> {
                        let mut extra = $crate::definition::member::Extra::default();
                        let mut made = $Name::default();
                        $crate::definition::member::read_members(&mut map, &mut extra, |_name, _map| {
                            $(
                                if _name.eq_ignore_ascii_case($crate::definition::member::json_name!($field $($json)?)) {
                                    _map.next_value_seed($crate::definition::member::Place(&mut made.$field))?;
                                    return Ok(true);
                                }
                            )*
                            Ok(false)
                        })?;
                        made.extra = extra;
                        Ok(made)
                    }
                }
                from.deserialize_any(Visitor)
            }
        }

        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = to.serialize_map(None)?;
                $(
                    if $crate::definition::member::printed!(&self.$field $(, $omit)?) {
                        map.serialize_entry(
                            $crate::definition::member::json_name!($field $($json)?),
                            &$crate::definition::member::Write(&self.$field),
                        )?;
                    }
                )*
                for (name, value) in self.extra.iter() {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }

        impl $crate::definition::member::Member for $Name {
            fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(from)
            }
            fn write<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(self, to)
            }
            fn is_zero(&self) -> bool {
                *self == Self::default()
            }
            fn unknown(&self, path: &mut String, visit: $crate::definition::member::Visit<'_>) {
                for (name, _) in self.extra.iter() {
                    $crate::definition::member::below(path, name, |path| {
                        visit($crate::definition::member::Unknown { path, name, known: Self::MEMBERS });
                    });
                }
                $(
                    $crate::definition::member::below(
                        path,
                        $crate::definition::member::json_name!($field $($json)?),
                        |path| $crate::definition::member::Member::unknown(&self.$field, path, visit),
                    );
                )*
            }
        }
    )*};
}
pub(crate) use members;
