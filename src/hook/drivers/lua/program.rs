//! One file of an API with the modules that it requires, read when an API is loaded.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::hook::Code;

/// Functions that wait for something outside of the script.
const WAITING: [&str; 5] = ["call", "callAll", "call_all", "store_data", "get_data"];
/// Functions that ask the gateway for something.
const ASKING: &str = "trigger_event";
/// Without any of these words a script can neither name a body nor meet it while it looks through a request.
const BODY: [&str; 7] = ["body", "raw_body", "pairs", "next", "encode", "load", "loadstring"];
/// Most modules of one file.
const MODULES: usize = 256;

static NEXT: AtomicU64 = AtomicU64::new(0);
/// How many programs are gone: threads drop what they made of those when they see it change.
static GONE: AtomicU64 = AtomicU64::new(0);

/// How many programs are gone.
pub(super) fn gone() -> u64 {
    GONE.load(Relaxed)
}

/// A text and the name that its positions bear.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Unit {
    pub(super) name: Arc<str>,
    pub(super) text: Arc<str>,
}

/// A file and the modules that it and they require, by the name they are required by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Files {
    pub(super) main: Unit,
    pub(super) modules: BTreeMap<String, Unit>,
}

impl Files {
    /// Reads them.
    ///
    /// # Errors
    /// Why they cannot be used.
    pub(super) fn read(code: &Code) -> Result<Self, String> {
        let (main, folder) = match code {
            Code::Text(text) => (Unit { name: "code".into(), text: text.clone() }, None),
            Code::File(path) if path.as_os_str().is_empty() => return Err("it names no file".to_owned()),
            Code::File(path) => (read(path)?, path.parent()),
        };
        let mut modules = BTreeMap::new();
        let mut wanted = required(&main.text);
        while let Some(name) = wanted.pop() {
            let Some(path) = folder.and_then(|folder| find(folder, &name)) else { continue };
            if modules.contains_key(&name) {
                continue;
            }
            if modules.len() == MODULES {
                return Err(format!("it requires more than {MODULES} modules"));
            }
            let unit = read(&path)?;
            wanted.extend(required(&unit.text));
            modules.insert(name, unit);
        }
        Ok(Self { main, modules })
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.main).chain(self.modules.values()).map(|unit| &*unit.text)
    }
}

fn read(path: &Path) -> Result<Unit, String> {
    let name = path.display();
    let bytes = fs::read(path).map_err(|error| format!("{name}: {error}"))?;
    if bytes.first() == Some(&0x1b) {
        return Err(format!("{name}: it is compiled Lua, only text is taken"));
    }
    let text = String::from_utf8(bytes).map_err(|error| format!("{name}: {error}"))?;
    // A line that tells a shell what to do stays a line.
    let text = if text.starts_with('#') { format!("--{text}") } else { text };
    let short = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Ok(Unit { name: (*short).into(), text: text.into() })
}

/// The file of a module: dots are folders; no way leads out of the script's own folder.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let plain = |part: &str| {
        !part.is_empty() && part.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-'))
    };
    if !name.split('.').all(plain) {
        return None;
    }
    let base = folder.join(name.replace('.', "/"));
    [base.with_extension("lua"), base.join("init.lua")].into_iter().find(|path| path.is_file())
}

/// The names that stand as texts after `require`.
fn required(text: &str) -> Vec<String> {
    text.match_indices("require")
        .filter_map(|(at, word)| {
            let rest = text.get(at + word.len()..)?.trim_start();
            let rest = rest.strip_prefix('(').unwrap_or(rest).trim_start();
            let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            rest.get(1..)?.split_once(quote).map(|(name, _)| name.to_owned())
        })
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

/// Files of one API, as threads run them.
pub(super) struct Program {
    pub(super) id: u64,
    pub(super) files: Files,
    /// Bytes that it may hold on one thread.
    pub(super) memory: usize,
    pub(super) waits: bool,
    pub(super) asks: bool,
    pub(super) reads_bodies: bool,
}

impl Program {
    pub(super) fn new(files: Files, memory: usize) -> Self {
        let words: HashSet<&str> = files.texts().flat_map(words).collect();
        let waits = WAITING.iter().any(|name| words.contains(name));
        Self {
            id: NEXT.fetch_add(1, Relaxed),
            waits,
            asks: waits || words.contains(ASKING),
            reads_bodies: BODY.iter().any(|name| words.contains(name)),
            memory,
            files,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        GONE.fetch_add(1, Relaxed);
    }
}
