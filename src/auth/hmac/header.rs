//! The `Signature` header.

/// Its parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signature<'a> {
    pub(super) key_id: &'a str,
    pub(super) algorithm: &'a str,
    /// What is signed, in order; the date if nothing is named.
    pub(super) headers: Vec<&'a str>,
    pub(super) value: &'a str,
}

impl<'a> Signature<'a> {
    /// Reads `Signature keyId="…",algorithm="…",headers="…",signature="…"`; the word in front may be missing.
    /// Nothing if a parameter is malformed or unknown.
    pub(super) fn parse(credential: &'a str) -> Option<Self> {
        let text = credential.strip_prefix("Signature").unwrap_or(credential);
        let text = text.strip_prefix("signature").unwrap_or(text);
        let mut found = Self { key_id: "", algorithm: "", headers: Vec::new(), value: "" };
        for parameter in text.trim().split(',') {
            let (name, value) = parameter.trim().split_once('=')?;
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "keyid" => found.key_id = value,
                "algorithm" => found.algorithm = value,
                "headers" => found.headers = value.split(' ').collect(),
                "signature" => found.value = value,
                _ => return None,
            }
        }
        if found.headers.is_empty() {
            found.headers.push("date");
        }
        Some(found)
    }
}
