//! Canonical paths, and the redirect to them.

use std::borrow::Cow;

use super::Url;

/// `path` without `//`, `.` and `..`, beginning with `/`. A trailing slash stays.
pub fn clean_path(path: &str) -> Cow<'_, str> {
    if is_clean(path) {
        return Cow::Borrowed(path);
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut clean = String::with_capacity(path.len() + 1);
    for segment in segments {
        clean.push('/');
        clean.push_str(segment);
    }
    if clean.is_empty() || path.ends_with('/') {
        clean.push('/');
    }
    Cow::Owned(clean)
}

/// True for certain only: a path such as `/.well-known` is clean too, which the slow way finds out.
fn is_clean(path: &str) -> bool {
    let bytes = path.as_bytes();
    let followers = bytes.iter().skip(1);
    // No early exit: this way the loop is vectorised, and almost every path is clean.
    let suspect = bytes
        .iter()
        .zip(followers)
        .fold(false, |suspect, (one, next)| suspect | ((*one == b'/') & ((*next == b'/') | (*next == b'.'))));
    !suspect && bytes.first() == Some(&b'/')
}

impl Url {
    /// Where a request must be sent instead, with status 301 and an empty body, if its path is not canonical; the
    /// value of `Location`. To be asked before any route is tried, unless `skip_url_cleaning`. Dots and slashes
    /// count when they are escaped, too.
    pub fn redirect(&self) -> Option<String> {
        match clean_path(self.path()) {
            Cow::Borrowed(_) => None,
            Cow::Owned(clean) if clean == self.path() => None,
            Cow::Owned(clean) => {
                let mut url = self.clone();
                url.set_path(&clean, None);
                Some(url.to_string())
            }
        }
    }
}
