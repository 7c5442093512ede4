//! Lua's patterns, matched with an eye on the clock. The matcher of LuaJIT is one call of C that nothing can interrupt,
//! and a pattern with a few `.-` takes longer than anybody waits on a body that a client may choose. So long subjects
//! are matched here; the prelude decides. Rules and error texts are those of Lua 5.1 (manual 5.4.1), with LuaJIT's
//! frontiers and `%g`.

use std::{ops::Range, rc::Rc};

use mlua::{IntoLua, Lua, LuaString, MultiValue, Table, Value};

use super::engine::{Live, stop};

/// Captures of a pattern, and levels that its matching may nest: both are LuaJIT's.
const MOST_CAPTURES: usize = 32;
const MOST_LEVELS: u32 = 200;
/// Steps between two looks at the clock: some tens of microseconds.
const STRIDE: u32 = 1 << 14;

/// Why there is no result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    OutOfTime,
    Malformed(&'static str),
}

type Outcome<T> = Result<T, Fault>;

/// Where a pattern was found: bytes from 0 on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) range: Range<usize>,
    pub(super) captures: Vec<Capture>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Capture {
    /// `()`
    Position(usize),
    Text(Range<usize>),
    /// Its end has not been met yet.
    Open(usize),
}

/// The first place from `start` on where `pattern` matches. `^` is an anchor only if `anchors`: not in `gmatch`.
///
/// # Errors
/// The pattern is none, or `is_over` said so.
pub(super) fn find(
    subject: &[u8],
    pattern: &[u8],
    start: usize,
    anchors: bool,
    is_over: impl Fn() -> bool,
) -> Outcome<Option<Found>> {
    let anchored = anchors && pattern.first() == Some(&b'^');
    let mut matcher = Matcher { subject, pattern, captures: Vec::new(), levels: 0, steps: 0, is_over };
    for from in start..=subject.len() {
        matcher.captures.clear();
        if let Some(to) = matcher.matches(from, usize::from(anchored))? {
            if matcher.captures.iter().any(|capture| matches!(capture, Capture::Open(_))) {
                return Err(Fault::Malformed("unfinished capture"));
            }
            return Ok(Some(Found { range: from..to, captures: matcher.captures }));
        }
        if anchored {
            break;
        }
    }
    Ok(None)
}

/// Adds `find(subject, pattern, start, anchors)` to the host of `strings.lua`: nil, or first and last byte and the
/// captures, or false and what is wrong with the pattern.
pub(super) fn register(lua: &Lua, host: &Table, live: &Rc<Live>) -> mlua::Result<()> {
    let held = live.clone();
    let find = move |lua: &Lua, given: (LuaString, LuaString, usize, bool)| {
        let (subject, pattern, start, anchors) = given;
        let subject = subject.as_bytes();
        let found = find(&subject, &pattern.as_bytes(), start.saturating_sub(1), anchors, || held.is_over());
        let mut values = MultiValue::new();
        match found {
            Ok(None) => values.push_back(Value::Nil),
            Ok(Some(found)) => {
                values.push_back((found.range.start + 1).into_lua(lua)?);
                values.push_back(found.range.end.into_lua(lua)?);
                for capture in found.captures {
                    values.push_back(match capture {
                        Capture::Position(at) | Capture::Open(at) => (at + 1).into_lua(lua)?,
                        Capture::Text(range) => {
                            lua.create_string(subject.get(range).unwrap_or_default())?.into_lua(lua)?
                        }
                    });
                }
            }
            Err(Fault::OutOfTime) => return Err(stop(lua, &held)?),
            Err(Fault::Malformed(reason)) => {
                values.push_back(Value::Boolean(false));
                values.push_back(reason.into_lua(lua)?);
            }
        }
        Ok(values)
    };
    host.raw_set("find", lua.create_function(find)?)
}

struct Matcher<'a, F> {
    subject: &'a [u8],
    pattern: &'a [u8],
    captures: Vec<Capture>,
    levels: u32,
    steps: u32,
    is_over: F,
}

impl<F: Fn() -> bool> Matcher<'_, F> {
    /// Where a match of the pattern's rest from `at` ends that begins at `from`.
    fn matches(&mut self, from: usize, at: usize) -> Outcome<Option<usize>> {
        self.levels += 1;
        if self.levels > MOST_LEVELS {
            return Err(Fault::Malformed("pattern too complex"));
        }
        let end = self.item(from, at);
        self.levels -= 1;
        end
    }

    fn item(&mut self, mut from: usize, mut at: usize) -> Outcome<Option<usize>> {
        loop {
            self.step()?;
            let next = self.pattern.get(at + 1).copied();
            match (self.pattern.get(at), next) {
                (None, _) => return Ok(Some(from)),
                (Some(b'('), Some(b')')) => return self.opened(Capture::Position(from), from, at + 2),
                (Some(b'('), _) => return self.opened(Capture::Open(from), from, at + 1),
                (Some(b')'), _) => return self.closed(from, at + 1),
                (Some(b'$'), None) => return Ok((from == self.subject.len()).then_some(from)),
                (Some(b'%'), Some(b'b')) => {
                    let Some(end) = self.balanced(from, at + 2)? else { return Ok(None) };
                    (from, at) = (end, at + 4);
                }
                (Some(b'%'), Some(b'f')) => {
                    let Some(end) = self.frontier(from, at + 2)? else { return Ok(None) };
                    at = end;
                }
                (Some(b'%'), Some(digit @ b'0'..=b'9')) => {
                    let Some(end) = self.again(from, digit)? else { return Ok(None) };
                    (from, at) = (end, at + 2);
                }
                _ => {
                    let end = self.class_end(at)?;
                    let fits = self.fits(from, at..end);
                    match self.pattern.get(end) {
                        Some(b'?') => {
                            if fits && let Some(found) = self.matches(from + 1, end + 1)? {
                                return Ok(Some(found));
                            }
                            at = end + 1;
                        }
                        Some(b'*') => return self.most(from, at..end),
                        Some(b'+') if fits => return self.most(from + 1, at..end),
                        Some(b'-') => return self.fewest(from, at..end),
                        Some(b'+') => return Ok(None),
                        _ if !fits => return Ok(None),
                        _ => (from, at) = (from + 1, end),
                    }
                }
            }
        }
    }

    fn step(&mut self) -> Outcome<()> {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(STRIDE) && (self.is_over)() {
            return Err(Fault::OutOfTime);
        }
        Ok(())
    }

    /// As many as there are, then fewer.
    fn most(&mut self, from: usize, class: Range<usize>) -> Outcome<Option<usize>> {
        let mut end = from;
        while self.fits(end, class.clone()) {
            self.step()?;
            end += 1;
        }
        for last in (from..=end).rev() {
            if let Some(found) = self.matches(last, class.end + 1)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// None, then more.
    fn fewest(&mut self, mut from: usize, class: Range<usize>) -> Outcome<Option<usize>> {
        loop {
            if let Some(found) = self.matches(from, class.end + 1)? {
                return Ok(Some(found));
            }
            if !self.fits(from, class.clone()) {
                return Ok(None);
            }
            from += 1;
        }
    }

    fn opened(&mut self, capture: Capture, from: usize, at: usize) -> Outcome<Option<usize>> {
        if self.captures.len() == MOST_CAPTURES {
            return Err(Fault::Malformed("too many captures"));
        }
        self.captures.push(capture);
        let found = self.matches(from, at)?;
        if found.is_none() {
            self.captures.pop();
        }
        Ok(found)
    }

    fn closed(&mut self, from: usize, at: usize) -> Outcome<Option<usize>> {
        let open = self.captures.iter().rposition(|capture| matches!(capture, Capture::Open(_)));
        let Some(capture) = open.and_then(|index| self.captures.get_mut(index)) else {
            return Err(Fault::Malformed("invalid pattern capture"));
        };
        let before = capture.clone();
        if let Capture::Open(begin) = before {
            *capture = Capture::Text(begin..from);
        }
        let found = self.matches(from, at)?;
        if found.is_none()
            && let Some(capture) = open.and_then(|index| self.captures.get_mut(index))
        {
            *capture = before;
        }
        Ok(found)
    }

    /// `%1`: what a capture holds, once more.
    fn again(&mut self, from: usize, digit: u8) -> Outcome<Option<usize>> {
        let index = usize::from(digit).checked_sub(usize::from(b'1'));
        let held = match index.and_then(|index| self.captures.get(index)) {
            Some(Capture::Text(range)) => self.subject.get(range.clone()).unwrap_or_default(),
            // As in C, where a position is longer than any rest.
            Some(Capture::Position(_)) => return Ok(None),
            _ => return Err(Fault::Malformed("invalid capture index")),
        };
        let same = self.subject.get(from..).is_some_and(|rest| rest.starts_with(held));
        Ok(same.then_some(from + held.len()))
    }

    /// `%bxy`
    fn balanced(&mut self, from: usize, at: usize) -> Outcome<Option<usize>> {
        let Some(&[open, close]) = self.pattern.get(at..at + 2) else {
            return Err(Fault::Malformed("unbalanced pattern"));
        };
        if self.subject.get(from) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1_usize;
        let mut end = from + 1;
        while let Some(byte) = self.subject.get(end).copied() {
            self.step()?;
            end += 1;
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(end));
                }
            } else if byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    /// `%f[set]`: where the pattern goes on.
    fn frontier(&mut self, from: usize, at: usize) -> Outcome<Option<usize>> {
        if self.pattern.get(at) != Some(&b'[') {
            return Err(Fault::Malformed("missing '[' after '%f' in pattern"));
        }
        let end = self.class_end(at)?;
        let before = from.checked_sub(1).and_then(|index| self.subject.get(index)).copied().unwrap_or(0);
        let here = self.subject.get(from).copied().unwrap_or(0);
        let begins = !self.in_set(before, at..end) && self.in_set(here, at..end);
        Ok(begins.then_some(end))
    }

    /// Where the single item at `at` ends.
    fn class_end(&self, at: usize) -> Outcome<usize> {
        match self.pattern.get(at) {
            Some(b'%') if at + 1 == self.pattern.len() => {
                Err(Fault::Malformed("malformed pattern (ends with '%')"))
            }
            Some(b'%') => Ok(at + 2),
            Some(b'[') => {
                let mut end = at + 1 + usize::from(self.pattern.get(at + 1) == Some(&b'^'));
                loop {
                    let missing = Fault::Malformed("malformed pattern (missing ']')");
                    let Some(byte) = self.pattern.get(end) else { return Err(missing) };
                    end += if *byte == b'%' && end + 1 < self.pattern.len() { 2 } else { 1 };
                    if self.pattern.get(end) == Some(&b']') {
                        return Ok(end + 1);
                    }
                }
            }
            _ => Ok(at + 1),
        }
    }

    /// The byte at `from` is one of the single item `class`.
    fn fits(&self, from: usize, class: Range<usize>) -> bool {
        let Some(&byte) = self.subject.get(from) else { return false };
        match self.pattern.get(class.clone()) {
            Some([b'.']) => true,
            Some(&[b'%', letter]) => in_class(byte, letter),
            Some([b'[', ..]) => self.in_set(byte, class),
            Some(&[other]) => other == byte,
            _ => false,
        }
    }

    /// The byte is one of a set with its brackets.
    fn in_set(&self, byte: u8, class: Range<usize>) -> bool {
        let inner = self.pattern.get(class.start + 1..class.end - 1).unwrap_or_default();
        let (mut rest, wanted) = match inner {
            [b'^', rest @ ..] => (rest, false),
            rest => (rest, true),
        };
        loop {
            let (fits, left) = match rest {
                [] => return !wanted,
                [b'%', letter, left @ ..] => (in_class(byte, *letter), left),
                [low, b'-', high, left @ ..] => ((*low..=*high).contains(&byte), left),
                [other, left @ ..] => (*other == byte, left),
            };
            if fits {
                return wanted;
            }
            rest = left;
        }
    }
}

/// `%a` and so on; in upper case all others.
fn in_class(byte: u8, letter: u8) -> bool {
    let fits = match letter.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'g' => byte.is_ascii_graphic(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => byte.is_ascii_whitespace() || byte == 0x0b,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return letter == byte,
    };
    fits != letter.is_ascii_uppercase()
}
