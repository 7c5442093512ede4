//! What a definition says that pinhook does not know, does not do yet, or doubts. Nothing that an author wrote is
//! ignored without a word.

use super::{ApiDefinition, checks, member::Member, support};
use crate::error::{Problem, Severity};

/// What was found in one definition.
#[derive(Debug, Default)]
pub struct Lint {
    /// Everything, each with its JSON path.
    pub problems: Vec<Problem>,
    /// A security setting cannot be honoured: the API must answer 500 to every request.
    pub refuses: bool,
}

impl Lint {
    /// Adds a problem that makes the API refuse traffic.
    pub(crate) fn refuse(&mut self, problem: Problem) {
        debug_assert_eq!(problem.severity, Severity::Error);
        self.refuses = true;
        self.problems.push(problem);
    }
}

/// Looks a definition over. `place` names it in messages.
pub fn lint(definition: &ApiDefinition, place: &str) -> Lint {
    let mut found = Lint::default();
    unknown_members(definition, place, &mut found.problems);
    support::check(definition, place, &mut found);
    checks::check(definition, place, &mut found.problems);
    found
}

/// What makes an API refuse traffic.
pub fn refusals(definition: &ApiDefinition, place: &str) -> Vec<Problem> {
    let mut found = Lint::default();
    support::check(definition, place, &mut found);
    found.problems.retain(|problem| problem.severity == Severity::Error);
    found.problems
}

fn unknown_members(definition: &ApiDefinition, place: &str, problems: &mut Vec<Problem>) {
    definition.unknown(&mut String::new(), &mut |unknown| {
        let problem = Problem::warning(place, unknown.path, "unknown member, it has no effect");
        problems.push(match nearest(unknown.name, unknown.known) {
            Some(known) => problem.hint(format!("did you mean {known}?")),
            None => problem,
        });
    });
}

/// The known name that a person most likely meant.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    const ALIKE: f64 = 0.8;
    let name = name.to_ascii_lowercase();
    known
        .iter()
        .map(|known| (strsim::jaro_winkler(&name, &known.to_ascii_lowercase()), *known))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}
