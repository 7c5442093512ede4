//! The scripts of one API as one program, and where in a user's file a position of it is.

use std::{
    fmt::Write,
    fs,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::words::Habits;
use crate::hook::Code;

/// The file name that positions in a program bear until they are traced to a user's file.
pub(super) const FILE: &str = "pinhook-program";

static NEXT: AtomicU64 = AtomicU64::new(0);
/// How many programs are gone: threads drop what they made of those when they see it change.
static GONE: AtomicU64 = AtomicU64::new(0);

/// What a script's driver promises to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Otto,
    JavaScript,
}

impl Dialect {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Otto => "otto",
            Self::JavaScript => "javascript",
        }
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Unit {
    /// As people know it.
    pub(super) name: Arc<str>,
    pub(super) text: Arc<str>,
}

impl Unit {
    /// Reads it.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn read(code: &Code) -> Result<Self, String> {
        match code {
            Code::Text(text) => Ok(Self { name: "code".into(), text: text.clone() }),
            Code::File(path) if path.as_os_str().is_empty() => Err("it names no file".to_owned()),
            Code::File(path) => {
                let name: Arc<str> = path.display().to_string().into();
                if !is_script(path) {
                    return Err(format!("{name}: a script's file name ends in .js"));
                }
                let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
                Ok(Self { name, text: text.into() })
            }
        }
    }
}

/// Tyk's rule: the extension begins with `js`.
fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind.to_string_lossy().starts_with("js"))
}

/// The files of one API that run together.
pub(super) struct Program {
    pub(super) id: u64,
    pub(super) dialect: Dialect,
    /// Bytes that it may hold on one thread.
    pub(super) memory: usize,
    units: Vec<Unit>,
    /// How many of the units, the first ones, are there for all others.
    shared: usize,
    pub(super) habits: Habits,
    /// Why units are left out.
    faults: Mutex<Vec<(usize, String)>>,
    /// The functions that are called, by the file that they are looked for in.
    entries: Mutex<Vec<Entry>>,
}

/// A function of a program that is called from outside.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its place among the entries of the program.
    pub(super) index: usize,
    unit: usize,
    name: Arc<str>,
}

/// Which lines of a program are whose: first line and unit, in order.
#[derive(Debug, Default)]
pub(super) struct Layout(Vec<(usize, usize)>);

impl Program {
    pub(super) fn new(dialect: Dialect, units: Vec<Unit>, shared: usize, memory: usize) -> Self {
        let texts: Vec<&str> = units.iter().map(|unit| &*unit.text).collect();
        Self {
            id: NEXT.fetch_add(1, Relaxed),
            dialect,
            memory,
            shared,
            habits: Habits::of(&texts),
            faults: Mutex::default(),
            entries: Mutex::default(),
            units,
        }
    }

    /// The unit of that number, if there is one.
    pub(super) fn unit(&self, unit: usize) -> Option<&Unit> {
        self.units.get(unit)
    }

    /// How many programs of this process are gone.
    pub(super) fn gone() -> u64 {
        GONE.load(Relaxed)
    }

    /// The units that run when a function of `unit` is called, in order.
    pub(super) fn parts(&self, unit: usize) -> Vec<usize> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let sound = |index: &usize| !faults.iter().any(|(faulty, _)| faulty == index);
        match self.dialect {
            Dialect::Otto => (0..self.units.len()).filter(sound).collect(),
            Dialect::JavaScript => (0..self.shared).chain([unit]).filter(sound).collect(),
        }
    }

    /// Leaves a unit out from now on.
    pub(super) fn exclude(&self, unit: usize, reason: String) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push((unit, reason));
    }

    /// Why a unit is left out.
    pub(super) fn fault(&self, unit: usize) -> Option<String> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.iter().find(|(faulty, _)| *faulty == unit).map(|(_, reason)| reason.clone())
    }

    /// An entry that was found before.
    pub(super) fn known(&self, unit: usize, name: &str) -> Option<Entry> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().find(|entry| entry.unit == unit && *entry.name == *name).cloned()
    }

    /// Remembers an entry.
    pub(super) fn remember(&self, unit: usize, name: &Arc<str>) -> Entry {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Entry { index: entries.len(), unit, name: name.clone() };
        entries.push(entry.clone());
        entry
    }

    /// The program as the text of a function that gives what `entry` names.
    pub(super) fn source(&self, entry: &Entry) -> String {
        self.text(&self.parts(entry.unit), &entry.name).0
    }

    /// A position of the program that `entry` runs, as a position of a user's file.
    pub(super) fn trace(&self, entry: &Entry, text: &str) -> String {
        let (_, layout) = self.text(&self.parts(entry.unit), &entry.name);
        self.place(&layout, text)
    }

    /// The same for some of its units; with no name at all, what it gives is nothing.
    pub(super) fn text(&self, parts: &[usize], name: &str) -> (String, Layout) {
        let mut text = String::from("(function () {\n");
        let mut layout = Layout::default();
        let mut line = 2;
        for index in parts {
            let Some(unit) = self.units.get(*index) else { continue };
            layout.0.push((line, *index));
            text.push_str(&unit.text);
            text.push_str("\n;\n");
            line += memchr::memchr_iter(b'\n', unit.text.as_bytes()).count() + 2;
        }
        if !name.is_empty() {
            // A String takes all.
            let _ = writeln!(text, "return typeof {name} === 'undefined' ? undefined : {name};");
        }
        text.push_str("})");
        (text, layout)
    }

    /// Replaces the positions in a text by those of the users' files.
    pub(super) fn place(&self, layout: &Layout, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(FILE) {
            out.push_str(before);
            let digits = after.strip_prefix(':').unwrap_or(after);
            let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
            let (line, tail) = digits.split_at(end);
            let found = line.parse::<usize>().ok().and_then(|line| {
                let (first, unit) = layout.0.iter().rev().find(|(first, _)| *first <= line)?;
                Some((line - first + 1, self.units.get(*unit)?))
            });
            // A String takes all.
            let _ = match found {
                Some((line, unit)) => write!(out, "{}:{line}", unit.name),
                None => write!(out, "{FILE}:{line}"),
            };
            rest = tail;
        }
        out.push_str(rest);
        out
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        GONE.fetch_add(1, Relaxed);
    }
}

/// True for a name, or several with dots between.
pub(super) fn is_name(text: &str) -> bool {
    let is_first = |letter: char| letter.is_alphabetic() || letter == '_' || letter == '$';
    text.split('.').all(|part| {
        part.starts_with(is_first) && part.chars().all(|letter| is_first(letter) || letter.is_numeric())
    })
}
