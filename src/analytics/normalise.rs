//! Folds ids in a record's path into placeholders, so that dashboards group by route (analytics reference 2.6).

use std::borrow::Cow;

use regex::{NoExpand, Regex};

use crate::config::NormaliseUrls;

const UUID: &str = "[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}";
const ULID: &str = "(?i-u)[0-7][0-9A-HJKMNP-TV-Z]{25}";
const NUMBER: &str = "/[0-9]+";

/// The patterns, compiled, in the order in which they are applied.
pub(super) struct Normalise(Vec<(Regex, &'static str)>);

impl Normalise {
    /// Compiles what is wanted, and returns the index of each custom pattern that does not compile and is skipped.
    pub(super) fn compile(config: &NormaliseUrls) -> (Self, Vec<(usize, regex::Error)>) {
        let built_in = [
            (config.normalise_uuids, UUID, "{uuid}"),
            (config.normalise_ulids, ULID, "{ulid}"),
            (config.normalise_numbers, NUMBER, "/{id}"),
        ];
        let mut rules: Vec<_> = built_in
            .into_iter()
            .filter(|(wanted, ..)| *wanted)
            .filter_map(|(_, pattern, replacement)| Some((Regex::new(pattern).ok()?, replacement)))
            .collect();
        let mut broken = Vec::new();
        for (index, pattern) in config.custom_patterns.iter().enumerate() {
            match Regex::new(pattern) {
                Ok(pattern) => rules.push((pattern, "{var}")),
                Err(error) => broken.push((index, error)),
            }
        }
        (Self(rules), broken)
    }

    /// The folded path. Each pattern sees what the one before it left.
    pub(super) fn apply<'a>(&self, path: Cow<'a, str>) -> Cow<'a, str> {
        self.0.iter().fold(path, |path, (pattern, replacement)| {
            match pattern.replace_all(&path, NoExpand(replacement)) {
                Cow::Borrowed(_) => path,
                Cow::Owned(folded) => Cow::Owned(folded),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(custom: &[&str]) -> Normalise {
        let custom_patterns = custom.iter().map(|pattern| (*pattern).to_owned()).collect();
        Normalise::compile(&NormaliseUrls {
            enabled: true,
            normalise_uuids: true,
            normalise_ulids: true,
            normalise_numbers: true,
            custom_patterns,
        })
        .0
    }

    #[test]
    fn ids_become_placeholders() {
        let rules = all(&["v[0-9]x", "a\\$b"]);
        for (path, expected) in [
            ("/u/123e4567-e89b-12d3-a456-426614174000/x", "/u/{uuid}/x"),
            ("/u/123E4567e89b12d3a456426614174000", "/u/{uuid}"),
            ("/l/01arz3ndektsv4rrffq69g5fav", "/l/{ulid}"),
            ("/n/456abc/7", "/n/{id}abc/{id}"),
            ("/v1x/a$b", "/{var}/{var}"),
            ("/plain", "/plain"),
        ] {
            assert_eq!(rules.apply(path.into()), expected, "{path}");
        }
    }

    #[test]
    fn a_broken_pattern_is_reported_and_skipped() {
        let config = NormaliseUrls {
            custom_patterns: vec!["(".to_owned(), "ab".to_owned()],
            ..NormaliseUrls::default()
        };
        let (rules, broken) = Normalise::compile(&config);
        assert_eq!(broken.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0]);
        assert_eq!(rules.apply("/ab".into()), "/{var}");
    }
}
