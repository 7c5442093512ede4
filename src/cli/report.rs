//! Problems, printed for people.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use crate::error::{Problem, Severity};

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// Prints problems to standard error, errors first, and a line that counts them; nothing when there are none.
/// Returns the exit code they ask for: 2 if one is an error, else 0.
pub fn report(problems: &[Problem]) -> ExitCode {
    if !problems.is_empty() {
        let stderr = io::stderr();
        line(&text(problems, stderr.is_terminal()));
    }
    match count(problems, Severity::Error) {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(super::BAD_INPUT),
    }
}

/// Prints a line to standard error; a closed one is no reason to stop.
pub(super) fn line(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn text(problems: &[Problem], colour: bool) -> String {
    let mut sorted: Vec<&Problem> = problems.iter().collect();
    sorted.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
    let mut text = String::new();
    for problem in sorted {
        let (word, paint) = match problem.severity {
            Severity::Error => ("error", RED),
            Severity::Warning => ("warning", YELLOW),
        };
        let bare = Problem { hint: None, ..problem.clone() };
        let _ = match colour {
            true => writeln!(text, "{paint}{word}{PLAIN}: {bare}"),
            false => writeln!(text, "{word}: {bare}"),
        };
        if let Some(hint) = &problem.hint {
            let _ = match colour {
                true => writeln!(text, "  {DIM}hint: {hint}{PLAIN}"),
                false => writeln!(text, "  hint: {hint}"),
            };
        }
    }
    text.push_str(&summary(problems));
    text
}

fn summary(problems: &[Problem]) -> String {
    let many = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    };
    let (errors, warnings) = (count(problems, Severity::Error), count(problems, Severity::Warning));
    match (errors, warnings) {
        (_, 0) => many(errors, "error"),
        (0, _) => many(warnings, "warning"),
        _ => format!("{}, {}", many(errors, "error"), many(warnings, "warning")),
    }
}

fn count(problems: &[Problem], severity: Severity) -> usize {
    problems.iter().filter(|problem| problem.severity == severity).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_first_and_all_are_counted() {
        let problems = [
            Problem::warning("a.json", "x", "odd").hint("mind"),
            Problem::error("a.json", "y", "wrong").at_line(3),
            Problem::warning("a.json", "z", "odd"),
        ];

        assert_eq!(
            text(&problems, false),
            "error: a.json:3: y: wrong\nwarning: a.json: x: odd\n  hint: mind\nwarning: a.json: z: odd\n\
             1 error, 2 warnings"
        );
        assert!(text(&problems, true).starts_with("\x1b[1;31merror\x1b[0m: a.json:3"));
    }
}
