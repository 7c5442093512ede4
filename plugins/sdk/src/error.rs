//! Why a hook gives up.

use std::fmt;

/// What a hook and most functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

/// A message for the gateway's log. `?` makes one of any error.
///
/// ```
/// use pinhook_plugin::{Error, Result};
///
/// fn port(text: &str) -> Result<u16> {
///     let port: u16 = text.parse()?;
///     if port == 0 {
///         return Err(Error::new("port 0 cannot be reached"));
///     }
///     Ok(port)
/// }
/// assert_eq!(port("x").unwrap_err().to_string(), "invalid digit found in string");
/// assert_eq!(port("0").unwrap_err().to_string(), "port 0 cannot be reached");
/// ```
// It does not implement `std::error::Error`, which would rule out the `From` below.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    /// An error with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}
