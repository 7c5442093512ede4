//! A definition's `config_data`, read once instead of once per request.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::Result;

/// A view that belongs to an API.
pub trait OfApi {
    /// Its id and its `config_data`.
    #[doc(hidden)]
    fn id_and_config(&self) -> (&str, &str);
}

/// What a plugin makes of `config_data`, kept per API until its text changes.
///
/// ```
/// use pinhook_plugin::{Config, Flow, Request, Result};
///
/// /// Here the whole text; a real one would parse the JSON.
/// static GREETING: Config<String> = Config::new(|json| Ok(json.to_owned()));
///
/// fn greet(request: &mut Request<'_>) -> Result<Flow> {
///     let greeting = GREETING.get(request)?;
///     request.set_header("Greeting", &greeting)?;
///     Ok(Flow::Next)
/// }
/// ```
pub struct Config<T> {
    parse: fn(&str) -> Result<T>,
    /// By API id: the text and what was made of it. `None` until the first use: a map cannot be made in a static.
    known: RwLock<Option<Known<T>>>,
}

type Known<T> = HashMap<String, (String, Arc<T>)>;

impl<T> Config<T> {
    /// `parse` gets the JSON text; `{}` for an API without `config_data`.
    pub const fn new(parse: fn(&str) -> Result<T>) -> Self {
        Self { parse, known: RwLock::new(None) }
    }

    /// The config of the API that a request, a response or a record belongs to.
    ///
    /// # Errors
    /// What `parse` says. It is asked again at the next call.
    pub fn get(&self, of: &impl OfApi) -> Result<Arc<T>> {
        let (api, text) = of.id_and_config();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, value)) =
            known.as_ref().and_then(|known| known.get(api)).filter(|(old, _)| old == text)
        {
            return Ok(Arc::clone(value));
        }
        drop(known);
        let value = Arc::new((self.parse)(text)?);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let entry = (text.to_owned(), Arc::clone(&value));
        known.get_or_insert_default().insert(api.to_owned(), entry);
        Ok(value)
    }
}
