//! Two APIs on one listen path (api-definition reference 1.8).

use std::collections::HashMap;

use crate::error::Problem;

/// What an API asks for, before its listen path is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its id.
    pub api_id: String,
    /// Its domain; empty if it has none or `domain_disabled`. Counts even where custom domains are off.
    pub domain: String,
    /// Its normalised listen path; holds the one to use afterwards.
    pub listen_path: String,
}

/// Renames listen paths that more than one API claims, to `<listen_path>-<api_id>`. Only an API that already runs
/// on exactly this path keeps it: `running` has the listen path of each running API by id, so at the first load all
/// of them move. Each rename is reported. All loaded APIs take part, internal ones as well.
pub fn resolve_conflicts(claims: &mut [Claim], running: &HashMap<String, String>) -> Vec<Problem> {
    let mut counts: HashMap<(String, String), usize> = HashMap::with_capacity(claims.len());
    for claim in claims.iter().filter(|claim| !claim.listen_path.is_empty()) {
        *counts.entry((claim.domain.clone(), claim.listen_path.clone())).or_default() += 1;
    }
    let mut problems = Vec::new();
    for claim in claims {
        let key = (claim.domain.clone(), claim.listen_path.clone());
        let contested = counts.get(&key).is_some_and(|count| *count > 1);
        if !contested || running.get(&claim.api_id) == Some(&claim.listen_path) {
            continue;
        }
        let mut free = (key.0, format!("{}-{}", claim.listen_path, claim.api_id));
        while counts.contains_key(&free) {
            free.1.push('_');
        }
        problems.push(renamed(claim, &free.1));
        claim.listen_path.clone_from(&free.1);
        counts.insert(free, 1);
    }
    problems
}

fn renamed(claim: &Claim, to: &str) -> Problem {
    let message = format!(
        "another API listens on {:?} too; this one listens on {to:?} and /{}/ instead",
        claim.listen_path, claim.api_id
    );
    Problem::warning(claim.api_id.as_str(), "proxy.listen_path", message)
        .hint("give each API a listen path of its own")
}
