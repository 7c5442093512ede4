//! Frames on the wire (docs/worker-protocol.md): nothing here knows what they mean.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use serde::Serialize;

/// Bytes of a frame before the lengths of its parts, the length itself included.
const FIXED: usize = 20;
/// Stands for the length of a part that is not there.
const ABSENT: u32 = u32::MAX;
/// A frame beyond this is no frame.
const ABSURD: usize = 1 << 30;
/// What a head may have beyond the bodies.
const HEAD_ROOM: usize = 1 << 20;
/// Room that most heads find enough.
const USUAL_HEAD: usize = 1000;
/// Parts up to this size are copied behind their head, so that the frame is one piece.
const SMALL: usize = 16 << 10;

/// What a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::hook::drivers) enum Kind {
    Configure = 1,
    Hello = 2,
    Define = 3,
    Forget = 4,
    Call = 5,
    Reply = 6,
    Error = 7,
    Cancel = 8,
    Reload = 9,
    Shutdown = 10,
    Log = 11,
    Ask = 12,
    Answer = 13,
}

impl Kind {
    /// One that a worker may send.
    fn of_worker(byte: u8) -> Option<Self> {
        Some(match byte {
            2 => Self::Hello,
            6 => Self::Reply,
            7 => Self::Error,
            11 => Self::Log,
            12 => Self::Ask,
            _ => return None,
        })
    }
}

/// Raw bytes beside a head; nothing is not the same as empty.
pub(in crate::hook::drivers) type Part = Option<Bytes>;

/// A frame that came.
#[derive(Debug)]
pub(in crate::hook::drivers) struct Frame {
    pub(in crate::hook::drivers) kind: Kind,
    pub(in crate::hook::drivers) id: u32,
    pub(in crate::hook::drivers) head: Bytes,
    pub(in crate::hook::drivers) parts: Vec<Part>,
}

/// A frame to be sent. A copy shares its bytes.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    bytes: Bytes,
    large: Vec<Bytes>,
}

impl Outgoing {
    /// # Errors
    /// The head cannot be written as JSON, or the frame is too large for the protocol.
    pub(super) fn new(
        kind: Kind,
        id: u32,
        hook: u32,
        head: &(impl Serialize + ?Sized),
        mut parts: Vec<Part>,
    ) -> io::Result<Self> {
        while matches!(parts.last(), Some(None)) {
            parts.pop();
        }
        let start = FIXED + 4 * parts.len();
        let body: usize = parts.iter().flatten().map(Bytes::len).sum();
        let mut bytes = Vec::with_capacity(start + USUAL_HEAD + if body <= SMALL { body } else { 0 });
        bytes.resize(start, 0);
        serde_json::to_writer(&mut bytes, head)?;
        let head_length = bytes.len() - start;
        let length = bytes.len() - 4 + body;
        let count = u8::try_from(parts.len()).ok().filter(|_| length <= ABSURD);
        let count = count.ok_or_else(|| io::Error::other("a frame of more than 1 GiB or 255 parts"))?;
        write_fixed(&mut bytes, [length as u32, u32::from_le_bytes([kind as u8, count, 0, 0]), id, hook]);
        let lengths = parts.iter().map(|part| part.as_ref().map_or(ABSENT, |part| part.len() as u32));
        for (place, value) in
            bytes.chunks_exact_mut(4).skip(4).zip([head_length as u32].into_iter().chain(lengths))
        {
            place.copy_from_slice(&value.to_le_bytes());
        }
        let mut large = Vec::new();
        for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
            if body <= SMALL {
                bytes.extend_from_slice(&part);
            } else {
                large.push(part);
            }
        }
        Ok(Self { bytes: bytes.into(), large })
    }

    /// One without head and parts.
    pub(super) fn bare(kind: Kind, id: u32) -> Self {
        let mut bytes = vec![0; FIXED];
        write_fixed(&mut bytes, [FIXED as u32 - 4, u32::from(kind as u8), id, 0]);
        Self { bytes: bytes.into(), large: Vec::new() }
    }

    /// Its bytes, in the order in which they are written.
    pub(super) fn into_pieces(self) -> (Bytes, Vec<Bytes>) {
        (self.bytes, self.large)
    }
}

fn write_fixed(bytes: &mut [u8], values: [u32; 4]) {
    for (place, value) in bytes.chunks_exact_mut(4).zip(values) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}

/// What came next.
#[derive(Debug)]
pub(super) enum Event {
    Frame(Frame),
    /// A frame that is larger than anybody wants; its bytes are thrown away as they come.
    TooLarge {
        kind: Kind,
        id: u32,
    },
}

/// Bytes that cannot be a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Garbage(pub(super) &'static str);

/// Makes frames of bytes.
pub(super) struct Decoder {
    /// Where bytes are read to.
    pub(super) input: BytesMut,
    skip: usize,
    limit: usize,
}

impl Decoder {
    /// One for frames whose bodies have up to `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { input: BytesMut::new(), skip: 0, limit: limit.saturating_add(HEAD_ROOM).min(ABSURD) }
    }

    /// The next frame, or nothing while it is not whole.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Garbage> {
        self.skip();
        let Some((fixed, rest)) = self.input.split_first_chunk::<FIXED>() else { return Ok(None) };
        let fixed = Fixed::read(fixed)?;
        let total = fixed.length + 4;
        if total > self.limit {
            self.skip = total;
            self.skip();
            return Ok(Some(Event::TooLarge { kind: fixed.kind, id: fixed.id }));
        }
        if self.input.len() < total {
            let missing = total - self.input.len();
            self.input.reserve(missing);
            return Ok(None);
        }
        let lengths = rest.get(..4 * fixed.parts).ok_or(Garbage("lengths that do not add up"))?;
        let lengths: Vec<u32> = lengths.chunks_exact(4).map(number).collect();
        let sum: usize =
            lengths.iter().filter(|length| **length != ABSENT).map(|length| *length as usize).sum();
        if FIXED + 4 * fixed.parts + fixed.head + sum != total {
            return Err(Garbage("lengths that do not add up"));
        }
        let mut bytes = self.input.split_to(total).freeze();
        bytes.advance(FIXED + 4 * fixed.parts);
        let head = bytes.split_to(fixed.head);
        let parts = lengths
            .into_iter()
            .map(|length| (length != ABSENT).then(|| bytes.split_to(length as usize)))
            .collect();
        Ok(Some(Event::Frame(Frame { kind: fixed.kind, id: fixed.id, head, parts })))
    }

    fn skip(&mut self) {
        let skipped = self.skip.min(self.input.len());
        self.input.advance(skipped);
        self.skip -= skipped;
    }
}

struct Fixed {
    length: usize,
    kind: Kind,
    parts: usize,
    id: u32,
    head: usize,
}

impl Fixed {
    fn read(bytes: &[u8; FIXED]) -> Result<Self, Garbage> {
        let [a, b, c, d, kind, parts, _, _, rest @ ..] = bytes;
        let [e, f, g, h, _, _, _, _, i, j, k, l] = rest;
        let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        if length > ABSURD || length + 4 < FIXED {
            return Err(Garbage("a length that no frame has"));
        }
        Ok(Self {
            length,
            kind: Kind::of_worker(*kind).ok_or(Garbage("a frame of a type that no worker sends"))?,
            parts: usize::from(*parts),
            id: u32::from_le_bytes([*e, *f, *g, *h]),
            head: u32::from_le_bytes([*i, *j, *k, *l]) as usize,
        })
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests;
