//! What the words of a script tell about it before it runs. Texts and comments count as code: what is taken for more than
//! it is costs time, the other way round would break the script.

/// Helpers that wait for something outside of the script.
const WAITING: [&str; 10] = [
    "TykMakeHttpRequest",
    "TykBatchRequest",
    "TykGetKeyData",
    "TykSetKeyData",
    "TykStorageGet",
    "TykStorageSet",
    "TykStorageSetNX",
    "TykStorageDel",
    "TykStorageTTL",
    "TykStorageIncr",
];
/// The same, with names that many objects have for functions of theirs.
const WAITING_ALONE: [&str; 2] = ["call", "callAll"];

/// Words for a body, and for whatever else there is.
const BODY: [&str; 7] =
    ["Body", "IgnoreBody", "stringify", "getOwnPropertyNames", "ownKeys", "eval", "Function"];
/// The same, where they are members: they are words of comments, too.
const BODY_MEMBERS: [&str; 7] = ["keys", "entries", "values", "assign", "forEach", "each", "extend"];
/// How far from `for` an `in` may stand.
const FOR_IN: usize = 60;

/// What scripts extend when they extend the language.
const BUILT_IN: [&str; 13] = [
    "Object", "Array", "String", "Number", "Boolean", "Date", "RegExp", "Function", "Error", "Math", "JSON",
    "Promise", "Symbol",
];

/// With what a script gives an object members that do not show.
const HIDING: [&str; 7] = [
    "defineProperty",
    "defineProperties",
    "__defineGetter__",
    "__defineSetter__",
    "Reflect",
    "eval",
    "Function",
];

/// What a program may do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    /// It may ask for something outside of the script, so it has to wait.
    pub(super) waits: bool,
    /// It may look at a body.
    pub(super) reads_bodies: bool,
    /// It may give objects members that are not enumerable.
    pub(super) hides_members: bool,
    /// It gives the language's own objects new members, so each of its calls needs a world of its own.
    pub(super) extends_language: bool,
}

impl Habits {
    /// Those of a program of these texts.
    pub(super) fn of(texts: &[&str]) -> Self {
        let any = |word: &str, how: Word| texts.iter().any(|text| has(text, word, how));
        Self {
            waits: WAITING.iter().any(|name| any(name, Word::Any))
                || WAITING_ALONE.iter().any(|name| any(name, Word::Alone)),
            reads_bodies: BODY.iter().any(|name| any(name, Word::Any))
                || BODY_MEMBERS.iter().any(|name| any(name, Word::Member))
                || texts.iter().any(|text| looks_through(text)),
            hides_members: HIDING.iter().any(|name| any(name, Word::Any)),
            extends_language: texts.iter().any(|text| extends_language(text)),
        }
    }
}

/// How a word has to stand to count.
#[derive(Debug, Clone, Copy)]
enum Word {
    Any,
    /// Not as the member of an object.
    Alone,
    /// As a member.
    Member,
}

/// The word is in a script; in texts and comments, too.
fn has(text: &str, word: &str, how: Word) -> bool {
    memchr::memmem::find_iter(text.as_bytes(), word).any(|at| {
        let (before, rest) = text.split_at(at);
        let after = rest.get(word.len()..).unwrap_or_default();
        let whole = !before.ends_with(is_letter) && !after.starts_with(is_letter);
        let member = before.trim_end().ends_with('.');
        whole
            && match how {
                Word::Any => true,
                Word::Alone => !member,
                Word::Member => member,
            }
    })
}

/// It takes an object apart without naming its members: `for (name in object)`, `{...object}`.
fn looks_through(text: &str) -> bool {
    let spreads = memchr::memmem::find_iter(text.as_bytes(), "...")
        .any(|at| text.get(at + 3..).is_some_and(|rest| rest.starts_with(is_letter)));
    spreads
        || memchr::memmem::find_iter(text.as_bytes(), "for").any(|at| {
            let head = text.get(at + 3..).unwrap_or_default().trim_start();
            let near: String = head.chars().take(FOR_IN).collect();
            head.starts_with('(') && has(&near, "in", Word::Any)
        })
}

fn is_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

/// `String.prototype.x = ...`, `Math.x = ...`, `Object.defineProperty(Array.prototype, ...`.
fn extends_language(text: &str) -> bool {
    BUILT_IN.iter().any(|name| {
        memchr::memmem::find_iter(text.as_bytes(), name).any(|at| {
            let (before, rest) = text.split_at(at);
            let after = rest.get(name.len()..).unwrap_or_default();
            if before.ends_with(is_letter) || before.ends_with('.') || after.starts_with(is_letter) {
                return false;
            }
            let before = before.trim_end();
            let defined =
                ["defineProperty(", "defineProperties(", "assign("].iter().any(|end| before.ends_with(end));
            defined || is_assigned(after.strip_prefix(".prototype").unwrap_or(after))
        })
    })
}

/// The text goes on with a member that something is assigned to.
fn is_assigned(text: &str) -> bool {
    let rest = if let Some(member) = text.strip_prefix('.') {
        member.trim_start_matches(is_letter)
    } else if let Some((_, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        rest
    } else {
        return false;
    };
    let rest = rest.trim_start();
    rest.starts_with('=') && !rest.starts_with("==") && !rest.starts_with("=>")
}
