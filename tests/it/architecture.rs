//! The house rules that can be read off the sources: direction of modules, sizes, where `unsafe` may stand.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

const MOST_LINES: usize = 400;
const MOST_LINES_OF_A_FUNCTION: usize = 70;

/// Files that may hold `unsafe`, by the start of their path (decisions 4 and 9).
const UNSAFE: [&str; 3] = ["src/hook/drivers/native", "src/hook/drivers/worker", "src/gateway/listen"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `folder`, with its path below the root.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "{folder}");
    found
}

/// The code of a file without comments and string literals, so that only paths are left to be read.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if next == '"' {
            string(rest)
        } else if rest.starts_with("'\"'") {
            3
        } else {
            code.push(next);
            next.len_utf8()
        };
        rest = &rest[skip..];
    }
    code
}

/// The length of the string literal at the start of `text`.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (index, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// The modules of this crate that `text` names after `crate::`, groups included.
fn named(text: &str) -> Vec<String> {
    let code = code(text);
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(group_heads(group)),
            None => names.push(head(rest)),
        }
    }
    names
}

/// The first segment of each entry of a `use` group, whose opening brace has been taken.
fn group_heads(group: &str) -> Vec<String> {
    let (mut depth, mut entry, mut heads) = (0, String::new(), Vec::new());
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(head(&std::mem::take(&mut entry))),
            _ => {}
        }
        if letter != ',' || depth > 0 {
            entry.push(letter);
        }
    }
    heads.push(head(&entry));
    heads.retain(|head| !head.is_empty());
    heads
}

fn head(path: &str) -> String {
    path.trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let text = r#"
        use crate::{a::{b, c}, d, e::f};
        //! crate::comment
        const TEXT: &str = "crate::text \" crate::more";
        fn f(x: crate::g::H) { other_crate::x(); '"'; crate::i() }
    "#;
    assert_eq!(named(text), ["a", "d", "e", "g", "i"]);
}

/// The modules in the order in which `lib.rs` declares them.
fn order() -> HashMap<String, usize> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let order: HashMap<_, _> = names.enumerate().map(|(index, name)| (name.to_owned(), index)).collect();
    assert!(order.len() > 10, "{order:?}");
    order
}

#[test]
fn a_module_uses_only_modules_above_it() {
    let order = order();
    let mut wrong = Vec::new();
    for (file, text) in sources("src") {
        let own = file.trim_start_matches("src/").trim_end_matches(".rs").split('/').next().unwrap();
        let Some(place) = order.get(own) else { continue };
        for used in named(&text) {
            match order.get(&used) {
                Some(other) if other <= place => {}
                Some(_) => wrong.push(format!("{file} uses {used}, which stands below {own}")),
                None => wrong.push(format!("{file} uses crate::{used}, which is no module")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_of_the_crate_is_declared_in_lib_rs() {
    let order = order();
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(["lib", "main"].contains(&module) || order.contains_key(module), "{name}");
    }
}

#[test]
fn files_stay_short() {
    let mut long = Vec::new();
    for folder in ["src", "plugins", "tests/it", "benches"] {
        for (file, text) in sources(folder) {
            let lines = text.lines().count();
            if lines >= MOST_LINES {
                long.push(format!("{file}: {lines}"));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

/// Name and length of every function with a body. The sources are formatted, so a function ends with the first
/// closing brace that stands as far left as its head.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let head = line.trim_start();
        let words = ["pub(crate) ", "pub(super) ", "pub ", "const ", "async ", "unsafe ", "extern \"C\" "];
        let bare = words.iter().fold(head, |head, word| head.strip_prefix(word).unwrap_or(head));
        let Some(name) = bare.strip_prefix("fn ") else { continue };
        let head_end = lines[start..].iter().find(|line| line.ends_with(['{', ';', '}']));
        if head_end.is_none_or(|line| !line.ends_with('{')) {
            // It has no body, or one on this line.
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - head.len()]);
        let length = lines[start..].iter().position(|line| *line == end).map_or(0, |length| length + 1);
        found.push((name.split(['(', '<']).next().unwrap().to_owned(), length));
    }
    found
}

#[test]
fn functions_stay_short() {
    let known = functions(
        "fn one() {\n    1\n}\n    pub async fn two(\n    ) {\n        {\n        }\n    }\n    fn three();\n",
    );
    assert_eq!(known, [("one".to_owned(), 3), ("two".to_owned(), 5)]);
    let mut long = Vec::new();
    for folder in ["src", "plugins", "tests/it", "benches"] {
        for (file, text) in sources(folder) {
            let too_long =
                functions(&text).into_iter().filter(|(_, length)| *length >= MOST_LINES_OF_A_FUNCTION);
            long.extend(too_long.map(|(name, length)| format!("{file}: {name}: {length}")));
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn unsafe_stands_only_where_it_may() {
    let marks =
        ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "allow(unsafe_code", "expect(unsafe_code"];
    let mut wrong = Vec::new();
    for (file, text) in sources("src") {
        let code = code(&text);
        let allowed = UNSAFE.iter().any(|start| file.starts_with(start));
        if !allowed && marks.iter().any(|mark| code.contains(mark)) {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src") {
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let block = line.contains("unsafe {") && !line.trim_start().starts_with("//");
            let before = &lines[index.saturating_sub(8)..index];
            if block && !before.iter().any(|line| line.contains("SAFETY:")) {
                wrong.push(format!("{file}:{}", index + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
