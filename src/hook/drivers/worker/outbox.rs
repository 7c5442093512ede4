//! What is on its way to one worker. It knows which calls the worker cannot have seen, so that they are not lost with it.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
};

use bytes::{Buf, Bytes};

use super::frame::Outgoing;

/// Pieces that one write takes.
const PIECES: usize = 32;

/// Frames that wait to be written.
#[derive(Default)]
pub(super) struct Outbox {
    pieces: VecDeque<Bytes>,
    /// Bytes that were ever put here, and those of them that were written.
    put: u64,
    written: u64,
    /// Calls that are not written whole, with the place at which their frame ends.
    calls: VecDeque<(u64, u32)>,
    /// The last call that is.
    last: Option<(u64, u32)>,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn push(&mut self, frame: Outgoing) {
        let (first, more) = frame.into_pieces();
        self.put += first.len() as u64;
        self.pieces.push_back(first);
        for piece in more {
            self.put += piece.len() as u64;
            self.pieces.push_back(piece);
        }
    }

    /// Puts the frame of a call here.
    pub(super) fn push_call(&mut self, id: u32, frame: Outgoing) {
        self.push(frame);
        self.calls.push_back((self.put, id));
    }

    /// Writes what is taken at once.
    ///
    /// # Errors
    /// The other end takes no more.
    pub(super) fn write(&mut self, write: impl Fn(&[IoSlice<'_>]) -> io::Result<usize>) -> io::Result<()> {
        while !self.pieces.is_empty() {
            let mut slices = [IoSlice::new(&[]); PIECES];
            let mut count = 0;
            for (slice, bytes) in slices.iter_mut().zip(&self.pieces) {
                *slice = IoSlice::new(bytes);
                count += 1;
            }
            match write(slices.get(..count).unwrap_or_default()) {
                Ok(written) => self.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Throws away what is not written; the calls among it, the first one first. A part of a frame is no call.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = u32> + use<> {
        self.pieces.clear();
        std::mem::take(&mut self.calls).into_iter().map(|(_, id)| id)
    }

    /// The call that the other end cannot have read when it left the last bytes unread.
    pub(super) fn unread(&self) -> Option<u32> {
        self.last.filter(|(end, _)| *end == self.written).map(|(_, id)| id)
    }

    /// Takes off what was written.
    fn advance(&mut self, mut written: usize) {
        self.written += written as u64;
        while let Some(call) = self.calls.pop_front_if(|(end, _)| *end <= self.written) {
            self.last = Some(call);
        }
        while let Some(first) = self.pieces.front_mut() {
            if written < first.len() {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::frame::Kind, *};

    #[test]
    fn calls_that_are_not_written_whole_are_not_lost() {
        let mut out = Outbox::default();
        out.push(Outgoing::bare(Kind::Reload, 0));
        for id in 1..=4 {
            out.push_call(id, Outgoing::bare(Kind::Call, id));
        }
        let taken = std::cell::Cell::new(0);
        let some = |slices: &[IoSlice<'_>]| {
            // The first frame, the first call, and a part of the second.
            let all: usize = slices.iter().map(|slice| slice.len()).sum();
            match taken.replace(taken.get() + 1) {
                0 => Ok(45.min(all)),
                _ => Err(io::ErrorKind::WouldBlock.into()),
            }
        };
        out.write(some).unwrap();
        assert!(!out.is_empty());
        assert_eq!(out.unread(), None, "what is unread may be of the second call");
        assert_eq!(out.clear().collect::<Vec<_>>(), [2, 3, 4]);
        assert!(out.is_empty());
    }

    #[test]
    fn calls_that_are_written_are_the_workers() {
        let mut out = Outbox::default();
        out.push_call(1, Outgoing::bare(Kind::Call, 1));
        out.write(|slices| Ok(slices.iter().map(|slice| slice.len()).sum())).unwrap();
        assert_eq!((out.clear().count(), out.unread()), (0, Some(1)));
        out.push_call(2, Outgoing::bare(Kind::Call, 2));
        assert!(out.write(|_| Err(io::ErrorKind::BrokenPipe.into())).is_err());
        assert_eq!((out.clear().collect::<Vec<_>>(), out.unread()), (vec![2], Some(1)));
        out.push(Outgoing::bare(Kind::Cancel, 1));
        out.write(|slices| Ok(slices.iter().map(|slice| slice.len()).sum())).unwrap();
        assert_eq!(out.unread(), None, "it may be the last frame alone");
    }
}
