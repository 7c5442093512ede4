//! Where a client's users may be sent back to (sessions reference 3.7).

use crate::url::Url;

/// The redirect URIs that a client has registered: one, or several with a separator between.
pub(super) struct Registered<'a> {
    text: &'a str,
    separator: &'a str,
}

impl<'a> Registered<'a> {
    /// `separator` is that of the config; empty means that the text is one URI.
    pub(super) fn new(text: &'a str, separator: &'a str) -> Self {
        Self { text, separator }
    }

    fn all(&self) -> impl Iterator<Item = &'a str> {
        let (one, several) = match self.separator.is_empty() {
            true => (Some(self.text), None),
            false => (None, Some(self.text.split(self.separator))),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }

    /// The first one.
    pub(super) fn first(&self) -> &'a str {
        self.all().next().unwrap_or_default()
    }

    /// The only one.
    pub(super) fn only(&self) -> Option<&'a str> {
        (self.first() == self.text).then_some(self.text)
    }

    /// True if users may be sent there: same scheme and host, and the same path or one below it.
    pub(super) fn allows(&self, uri: &str) -> bool {
        self.all().any(|registered| fits(registered, uri))
    }
}

fn fits(registered: &str, uri: &str) -> bool {
    if registered.is_empty() || uri.is_empty() || registered.contains('#') || uri.contains('#') {
        return false;
    }
    let (Ok(base), Ok(wanted)) = (Url::parse(registered), Url::parse(uri)) else { return false };
    if base.scheme() != wanted.scheme() || base.host() != wanted.host() {
        return false;
    }
    if base.path() == wanted.path() {
        return true;
    }
    let folder = format!("{}/", base.path().trim_end_matches('/'));
    wanted.path().strip_prefix(&folder).is_some_and(|rest| rest.split('/').all(|segment| segment != ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_fits_its_own_host_and_what_is_below_its_path() {
        let one = Registered::new("http://c.example/back", "");
        for (uri, fits) in [
            ("http://c.example/back", true),
            ("http://c.example/back/x/y", true),
            ("http://c.example/back?a=b", true),
            ("http://c.example/backdoor", false),
            ("http://c.example/back/../x", false),
            ("http://c.example/back/%2e%2e/x", false),
            ("http://c.example/", false),
            ("https://c.example/back", false),
            ("http://c.example:81/back", false),
            ("http://c.example@evil.example/back", false),
            ("http://c.example/back#x", false),
            ("", false),
            ("::", false),
        ] {
            assert_eq!(one.allows(uri), fits, "{uri}");
        }
        assert!(!Registered::new("", "").allows("http://c.example/"));
    }

    #[test]
    fn several_need_a_separator() {
        let text = "http://a.example/,http://b.example/";
        assert_eq!(Registered::new(text, "").only(), Some(text));
        let both = Registered::new(text, ",");
        assert_eq!((both.only(), both.first()), (None, "http://a.example/"));
        assert!(both.allows("http://b.example/x") && both.allows("http://a.example/"));
        assert!(!Registered::new(text, "").allows("http://b.example/"));
    }
}
