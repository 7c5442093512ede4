//! Which context variables an API reads anywhere.

use std::{collections::BTreeSet, sync::Arc};

use super::{Secrets, Template};
use crate::definition::VersionInfo;

/// Names of all context variables in templates and conditions of these versions.
pub fn used_names(versions: &[VersionInfo], secrets: &Secrets<'_>) -> BTreeSet<Arc<str>> {
    let mut names = BTreeSet::new();
    let mut read = |text: &str| names.extend(Template::parse(text, secrets).0.variables().cloned());
    let mut conditions = Vec::new();
    for version in versions {
        version.global_headers.values().for_each(|text| read(text));
        version.global_response_headers.values().for_each(|text| read(text));
        if !version.use_extended_paths {
            continue;
        }
        let paths = &version.extended_paths;
        for entry in paths.transform_headers.iter().chain(&paths.transform_response_headers) {
            entry.add_headers.values().for_each(|text| read(text));
        }
        for rewrite in &paths.url_rewrites {
            read(&rewrite.rewrite_to);
            for trigger in &rewrite.triggers {
                read(&trigger.rewrite_to);
                conditions.extend(trigger.options.request_context_matches.keys());
            }
        }
    }
    names.extend(conditions.into_iter().map(|name| Arc::from(name.as_str())));
    names
}
