//! Bytes as lower-case hex digits: hashes in store keys, signatures and fingerprints are written so.

/// Two digits for each byte.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
    bytes.as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!((hex([]), hex([0, 10, 0xab, 255])), (String::new(), "000aabff".to_owned()));
    }
}
