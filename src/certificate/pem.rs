//! PEM with the headers of encrypted blocks (RFC 1421), which `rustls-pki-types` refuses.

use base64::{Engine, engine::general_purpose::STANDARD};

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// What stands behind `BEGIN`.
    pub(super) label: String,
    /// Headers, in order.
    pub(super) headers: Vec<(String, String)>,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

impl Block {
    pub(super) fn new(label: &str, bytes: Vec<u8>) -> Self {
        Self { label: label.to_owned(), headers: Vec::new(), bytes }
    }

    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The block as text, as Go and OpenSSL write it.
    pub(super) fn print(&self) -> String {
        let mut text = format!("-----BEGIN {}-----\n", self.label);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\n"));
        }
        if !self.headers.is_empty() {
            text.push('\n');
        }
        for (index, letter) in STANDARD.encode(&self.bytes).chars().enumerate() {
            if index > 0 && index % 64 == 0 {
                text.push('\n');
            }
            text.push(letter);
        }
        text.push_str(&format!("\n-----END {}-----\n", self.label));
        text
    }
}

/// Every block of a text that is whole, in order; what stands between them is skipped.
pub(super) fn blocks(text: &[u8]) -> Vec<Block> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines().map(str::trim_end);
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let (mut block, mut encoded, mut whole) = (Block::new(label, Vec::new()), String::new(), false);
        for line in lines.by_ref() {
            if line == end {
                whole = true;
                break;
            }
            match line.split_once(':') {
                Some((name, value)) if encoded.is_empty() => {
                    block.headers.push((name.trim().to_owned(), value.trim().to_owned()));
                }
                _ => encoded.push_str(line.trim()),
            }
        }
        if let (true, Ok(bytes)) = (whole, STANDARD.decode(&encoded)) {
            block.bytes = bytes;
            blocks.push(block);
        }
    }
    blocks
}
