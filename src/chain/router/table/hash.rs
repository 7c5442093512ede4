//! Reading a path eight bytes at a time: hashes of its growing prefixes, and its slashes.
//!
//! The hashes are no secret. What a table holds comes from the operator, and a request can only cause a
//! comparison that fails.

const START: u64 = 0x243f_6a88_85a3_08d3;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hashes of growing prefixes of one path, at the price of hashing the longest.
pub(super) struct Rolling<'a> {
    path: &'a [u8],
    done: usize,
    state: u64,
}

impl<'a> Rolling<'a> {
    pub(super) fn new(path: &'a [u8], seed: u64) -> Self {
        Self { path, done: 0, state: START ^ seed }
    }

    /// Hash of the first `length` bytes; `length` never shrinks from call to call.
    #[inline]
    pub(super) fn at(&mut self, length: usize) -> u64 {
        while self.done + 8 <= length {
            self.state = fold(self.state ^ word(self.path, self.done));
            self.done += 8;
        }
        finish(self.state, self.path, self.done, length)
    }
}

/// Hash of a folder's hash and the first `length` bytes of what follows it.
#[inline]
pub(super) fn tail(folder: u64, rest: &[u8], length: usize) -> u64 {
    let mut done = 0;
    let mut state = folder;
    while done + 8 <= length {
        state = fold(state ^ word(rest, done));
        done += 8;
    }
    finish(state, rest, done, length)
}

#[inline]
fn finish(state: u64, bytes: &[u8], done: usize, length: usize) -> u64 {
    let left = length - done;
    let last = word(bytes, done) & ((1 << (left * 8)) - 1);
    // The top byte is free: it tells `a` from `a` with zero bytes.
    fold(state ^ last ^ (left as u64) << 56)
}

/// A hash that also depends on the domain.
#[inline]
pub(super) fn with_domain(hash: u64, domain: u32) -> u64 {
    hash ^ u64::from(domain).wrapping_mul(FACTOR)
}

#[inline]
fn fold(value: u64) -> u64 {
    let product = u128::from(value).wrapping_mul(u128::from(FACTOR));
    (product as u64) ^ (product >> 64) as u64
}

/// Eight bytes from `at`, the first one lowest; zero beyond the end.
#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    if let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        return u64::from_le_bytes(*chunk);
    }
    match (bytes.last_chunk(), (at + 8).checked_sub(bytes.len())) {
        (Some(chunk), Some(missing)) if missing < 8 => u64::from_le_bytes(*chunk) >> (missing * 8),
        _ => bytes.iter().skip(at).rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// A bit for each `/` among up to 64 bytes.
#[inline]
pub(super) fn slashes(bytes: &[u8]) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let mut mask = 0;
    for at in (0..bytes.len()).step_by(8) {
        // A byte of `differs` is zero where a slash is; its top bit ends up set in `hits`.
        let differs = word(bytes, at) ^ 0x2f2f_2f2f_2f2f_2f2f;
        let hits = !(((differs & LOW) + LOW) | differs | LOW);
        // Moves the top bit of byte n to bit n of the highest byte.
        mask |= ((hits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << at;
    }
    mask
}
