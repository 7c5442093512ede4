//! Holds a document against the schema: canonical key names, unknown keys, wrong types.

use crate::error::Problem;

use super::{
    GoDuration,
    document::{Kind, Node, Origin},
    schema::Schema,
};

/// Brings `document` into canonical form (exact key names, no nulls, durations in nanoseconds) and reports what
/// does not fit `schema`. Key names match whatever their case, as in Tyk; an exact name comes first.
pub(super) fn check(document: &mut Node, schema: &Schema, file: &str) -> Vec<Problem> {
    let mut check = Check { root: schema, file, path: String::new(), problems: Vec::new() };
    check.node(document, schema);
    check.problems
}

/// A problem at a node: names the file and line, or the variable it came from.
pub(super) fn place(mut problem: Problem, origin: &Origin) -> Problem {
    match origin {
        Origin::Line(0) => problem,
        Origin::Line(line) => problem.at_line(*line),
        Origin::Env(name) => {
            problem.place.clone_from(name);
            problem
        }
    }
}

/// The known name nearest to `name`, if one is near enough to be meant.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    let limit = (name.len() / 3).clamp(1, 4);
    known
        .map(|other| (strsim::damerau_levenshtein(&name, &other.to_ascii_lowercase()), other))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

struct Check<'a> {
    root: &'a Schema,
    file: &'a str,
    path: String,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn node(&mut self, node: &mut Node, schema: &Schema) {
        match (&mut node.kind, schema) {
            (_, Schema::Any) => {}
            (Kind::Map(_), Schema::Struct(fields)) => self.members(node, fields),
            (Kind::Map(members), Schema::Map(item)) => {
                members.retain(|(_, member)| !matches!(member.kind, Kind::Null));
                for (key, member) in members {
                    self.within(&format!(".{key}"), |check| check.node(member, item));
                }
            }
            (Kind::List(items), Schema::List(item)) => {
                for (index, member) in items.iter_mut().enumerate() {
                    self.within(&format!("[{index}]"), |check| check.node(member, item));
                }
            }
            _ => self.scalar(node, schema),
        }
    }

    fn scalar(&mut self, node: &mut Node, schema: &Schema) {
        let fits = match (&node.kind, schema) {
            (Kind::Bool(_), Schema::Bool)
            | (Kind::Number(_), Schema::Float)
            | (Kind::Text(_), Schema::Text | Schema::Secret) => true,
            (Kind::Number(number), Schema::Int { min, max }) => {
                number.as_i128().is_some_and(|number| (*min..=*max).contains(&number))
            }
            (Kind::Number(number), Schema::Duration) => number.is_i64(),
            (Kind::Text(text), Schema::Choice(choices)) => choices.contains(&text.as_str()),
            (Kind::Text(text), Schema::Duration) => match GoDuration::parse(text) {
                Some(duration) => {
                    node.kind = Kind::Number(duration.nanos().into());
                    true
                }
                None => false,
            },
            _ => false,
        };
        if !fits {
            let message = format!("expected {}, found {node}", expected(node, schema));
            let mut problem = Problem::error(self.file, self.path.clone(), message);
            if matches!(
                (&node.kind, schema),
                (Kind::Number(_) | Kind::Bool(_), Schema::Text | Schema::Secret)
            ) {
                problem = problem.hint("put it in quotes");
            }
            self.problems.push(place(problem, &node.origin));
        }
    }

    fn members(&mut self, node: &mut Node, fields: &[(&'static str, Schema)]) {
        let Kind::Map(members) = &mut node.kind else { return };
        let mut known: Vec<(String, Node)> = Vec::with_capacity(members.len());
        for (key, mut member) in std::mem::take(members) {
            let field = fields
                .iter()
                .find(|(name, _)| *name == key)
                .or_else(|| fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key)));
            let Some((name, schema)) = field else {
                self.unknown(&key, &member, fields);
                continue;
            };
            if matches!(member.kind, Kind::Null) {
                continue;
            }
            self.within(&format!(".{name}"), |check| {
                if known.iter().any(|(other, _)| other == name) {
                    let problem =
                        Problem::warning(check.file, check.path.clone(), "given twice; the last one counts");
                    check.problems.push(place(problem, &member.origin));
                }
                check.node(&mut member, schema);
            });
            known.retain(|(other, _)| other != name);
            known.push(((*name).to_owned(), member));
        }
        node.kind = Kind::Map(known);
    }

    fn unknown(&mut self, key: &str, member: &Node, fields: &[(&'static str, Schema)]) {
        self.within(&format!(".{key}"), |check| {
            let mut problem =
                Problem::warning(check.file, check.path.clone(), "unknown key, it has no effect");
            let suggestion = elsewhere(check.root, key, "").or_else(|| {
                let name = nearest(key, fields.iter().map(|(name, _)| *name))?;
                Some(format!("{}{name}", check.path.strip_suffix(key).unwrap_or_default()))
            });
            if let Some(suggestion) = suggestion {
                problem = problem.hint(format!("did you mean `{suggestion}`?"));
            }
            check.problems.push(place(problem, &member.origin));
        });
    }

    fn within(&mut self, step: &str, work: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(if length == 0 { step.trim_start_matches('.') } else { step });
        work(self);
        self.path.truncate(length);
    }
}

/// Where else in the document a key of that name belongs.
fn elsewhere(schema: &Schema, key: &str, path: &str) -> Option<String> {
    let Schema::Struct(fields) = schema else { return None };
    fields.iter().find_map(|(name, member)| {
        let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
        if name.eq_ignore_ascii_case(key) { Some(path) } else { elsewhere(member, key, &path) }
    })
}

fn expected(node: &Node, schema: &Schema) -> String {
    match schema {
        Schema::Bool => "true or false".to_owned(),
        Schema::Int { min, max } if matches!(&node.kind, Kind::Number(number) if !number.is_f64()) => {
            format!("an integer from {min} to {max}")
        }
        Schema::Int { .. } => "an integer".to_owned(),
        Schema::Float => "a number".to_owned(),
        Schema::Text | Schema::Secret => "a text".to_owned(),
        Schema::Choice(choices) => {
            let choices: Vec<_> = choices.iter().filter(|choice| !choice.is_empty()).copied().collect();
            format!("one of {}", choices.join(", "))
        }
        Schema::Duration => "nanoseconds or a text such as \"10s\"".to_owned(),
        Schema::List(_) => "a list".to_owned(),
        Schema::Map(_) | Schema::Struct(_) => "an object".to_owned(),
        Schema::Any => "a value".to_owned(),
    }
}
