//! The form in which hooks and records show the names of headers.

/// Go's canonical form: an upper case letter at the start and after each hyphen, lower case elsewhere.
pub fn canonical(name: &str) -> String {
    let mut bytes = name.as_bytes().to_vec();
    let mut upper = true;
    for byte in &mut bytes {
        *byte = if upper { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
        upper = *byte == b'-';
    }
    // Only letters of ASCII have changed.
    String::from_utf8(bytes).unwrap_or_default()
}
