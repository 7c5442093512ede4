//! An analytics record as its hook sees it.

use crate::{
    Result,
    call::{done, utf8},
    raw::{Call, Str},
};

/// An analytics record on its way to its sink, off the request's thread. Fields have the names that Tyk Pump prints;
/// `pinhook.h` lists them. If the hook fails, the record is written as if there were no hook.
///
/// ```
/// use pinhook_plugin::{NON_BLOCKING, Record, Result, hooks};
///
/// hooks! {
///     Trim [NON_BLOCKING] = trim;
/// }
///
/// fn trim(record: &mut Record<'_>) -> Result<()> {
///     record.set_text("user_agent", "")?;
///     if record.number("latency.total").is_some_and(|ms| ms > 1000) {
///         record.add_tag("slow")?;
///     }
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub struct Record<'a> {
    call: Call<'a>,
}

of_api!(Record);

impl<'a> Record<'a> {
    pub(crate) fn new(call: Call<'a>) -> Self {
        Self { call }
    }

    /// A text, such as `path`; none if there is no text by that name.
    pub fn text(&self, name: &str) -> Option<&str> {
        utf8(text!(self.record_text(Str::new(name.as_bytes()))))
    }

    /// Replaces a text.
    ///
    /// # Errors
    /// When there is no text by that name.
    pub fn set_text(&mut self, name: &str, value: &str) -> Result<()> {
        let code = call!(self.set_record_text(Str::new(name.as_bytes()), Str::new(value.as_bytes())));
        done("field", name, code)
    }

    /// A number, such as `response_code`; a time in nanoseconds since 1970; a flag as 0 or 1. None if there is
    /// none by that name.
    pub fn number(&self, name: &str) -> Option<i64> {
        let mut number = 0;
        let code = call!(self.record_number(Str::new(name.as_bytes()), &raw mut number));
        (code == 0).then_some(number)
    }

    /// Replaces a number, a time or a flag.
    ///
    /// # Errors
    /// When there is none by that name. A number that its field cannot hold is dropped later.
    pub fn set_number(&mut self, name: &str, number: i64) -> Result<()> {
        done("field", name, call!(self.set_record_number(Str::new(name.as_bytes()), number)))
    }

    /// Its tags so far; those of node, key, organisation and API are added later.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        (0..call!(self.record_tags_len())).filter_map(|index| utf8(text!(self.record_tag_at(index))))
    }

    /// Adds a tag at the end.
    ///
    /// # Errors
    /// When the gateway refuses it.
    pub fn add_tag(&mut self, tag: &str) -> Result<()> {
        done("tag", tag, call!(self.add_record_tag(Str::new(tag.as_bytes()))))
    }

    /// Takes a tag away, as often as it is there. False if it was not.
    pub fn remove_tag(&mut self, tag: &str) -> bool {
        call!(self.remove_record_tag(Str::new(tag.as_bytes()))) == 0
    }
}

/// The gateway alone: what the function of [`on_reload!`](crate::on_reload) gets.
pub struct Gateway<'a> {
    call: Call<'a>,
}

gateway!(Gateway);

impl<'a> Gateway<'a> {
    pub(crate) fn new(call: Call<'a>) -> Self {
        Self { call }
    }

    pub(crate) fn hook_kind(&self) -> u32 {
        call!(self.hook_kind())
    }
}
