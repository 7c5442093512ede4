//! An analytics record as a hook sees and edits it: named fields. Which there are is `analytics`' business.

/// What a field holds. An edit keeps its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A point in time, in nanoseconds since 1970.
    Time(i64),
    /// Yes or no.
    Flag(bool),
    /// Several texts, in order.
    Texts(Vec<String>),
}

/// One record on its way to its sink.
#[derive(Debug, Default)]
pub struct RecordPart(Vec<Field>);

#[derive(Debug)]
struct Field {
    name: &'static str,
    value: Value,
    edited: bool,
}

impl RecordPart {
    /// A record with these fields, none of them edited.
    pub fn new(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        Self(fields.into_iter().map(|(name, value)| Field { name, value, edited: false }).collect())
    }

    /// All fields, by the names that Tyk Pump prints; parts of an inner object as `latency.total`.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|field| (field.name, &field.value))
    }

    /// The field of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|field| field.name == name).map(|field| &field.value)
    }

    /// The field of that name, to be edited in place: it counts as edited from now on.
    pub fn edit(&mut self, name: &str) -> Option<&mut Value> {
        let field = self.0.iter_mut().find(|field| field.name == name)?;
        field.edited = true;
        Some(&mut field.value)
    }

    /// What was edited.
    pub fn into_edited(self) -> impl Iterator<Item = (&'static str, Value)> {
        self.0.into_iter().filter(|field| field.edited).map(|field| (field.name, field.value))
    }
}
