//! The form in which hooks and records show the names of headers.

/// Go's canonical form: an upper case letter at the start and after each hyphen, lower case elsewhere.
pub fn canonical(name: &str) -> String {
    let mut upper = true;
    let letter = |letter: char| {
        let written = if upper { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
        upper = letter == '-';
        written
    };
    name.chars().map(letter).collect()
}
