//! An analytics record as a hook reads and edits it. The table calls these only where there is one.

use super::{
    abi::Refused,
    call::{Call, text},
};
use crate::hook::{RecordPart, Value};

/// The field that holds tags.
const TAGS: &str = "tags";

impl Call<'_> {
    pub(super) fn record_text(&self, name: &[u8]) -> Option<&[u8]> {
        match self.field(name)? {
            Value::Text(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    pub(super) fn set_record_text(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refused> {
        let value = text(value)?;
        match self.edit(name)? {
            Value::Text(text) => value.clone_into(text),
            _ => return Err(Refused::Invalid),
        }
        Ok(())
    }

    pub(super) fn record_number(&self, name: &[u8], number: Option<&mut i64>) -> Result<(), Refused> {
        let number = number.ok_or(Refused::Invalid)?;
        *number = match self.field(name).ok_or(Refused::NotFound)? {
            Value::Number(value) | Value::Time(value) => *value,
            Value::Flag(flag) => (*flag).into(),
            Value::Text(_) | Value::Texts(_) => return Err(Refused::Invalid),
        };
        Ok(())
    }

    pub(super) fn set_record_number(&mut self, name: &[u8], number: i64) -> Result<(), Refused> {
        match self.edit(name)? {
            Value::Number(value) | Value::Time(value) => *value = number,
            Value::Flag(flag) if number == 0 || number == 1 => *flag = number == 1,
            _ => return Err(Refused::Invalid),
        }
        Ok(())
    }

    pub(super) fn record_tags_len(&self) -> usize {
        self.tags().len()
    }

    pub(super) fn record_tag_at(&self, index: usize) -> Option<&[u8]> {
        self.tags().get(index).map(String::as_bytes)
    }

    pub(super) fn add_record_tag(&mut self, tag: &[u8]) -> Result<(), Refused> {
        let tag = text(tag)?.to_owned();
        self.edit_tags()?.push(tag);
        Ok(())
    }

    pub(super) fn remove_record_tag(&mut self, tag: &[u8]) -> Result<(), Refused> {
        let tags = self.edit_tags()?;
        let before = tags.len();
        tags.retain(|found| found.as_bytes() != tag);
        if tags.len() == before { Err(Refused::NotFound) } else { Ok(()) }
    }

    fn record(&self) -> Option<&RecordPart> {
        self.object.record.as_deref()
    }

    fn field(&self, name: &[u8]) -> Option<&Value> {
        self.record()?.get(std::str::from_utf8(name).ok()?)
    }

    fn edit(&mut self, name: &[u8]) -> Result<&mut Value, Refused> {
        let record = self.object.record.as_deref_mut().ok_or(Refused::Missing)?;
        record.edit(text(name)?).ok_or(Refused::NotFound)
    }

    fn tags(&self) -> &[String] {
        match self.record().and_then(|record| record.get(TAGS)) {
            Some(Value::Texts(tags)) => tags,
            _ => &[],
        }
    }

    fn edit_tags(&mut self) -> Result<&mut Vec<String>, Refused> {
        match self.edit(TAGS.as_bytes())? {
            Value::Texts(tags) => Ok(tags),
            _ => Err(Refused::Missing),
        }
    }
}
