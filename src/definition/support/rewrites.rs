//! What URL rewrites may use and cannot yet: secrets of a key-value server.

use super::{
    super::VersionInfo,
    Effect::{self, Instead},
    Lint,
};

pub(super) fn check(version: &VersionInfo, at: &str, place: &str, found: &mut Lint) {
    let rewrites = version.extended_paths.url_rewrites.iter().enumerate();
    for (index, rewrite) in rewrites.filter(|(_, rewrite)| !rewrite.disabled) {
        let mut report = |effect: Effect, path: &str| {
            effect.report(place, format!("{at}.extended_paths.url_rewrites[{index}]{path}"), found);
        };
        template(&rewrite.rewrite_to, ".rewrite_to", &mut report);
        for (index, trigger) in rewrite.triggers.iter().enumerate() {
            template(&trigger.rewrite_to, &format!(".triggers[{index}].rewrite_to"), &mut report);
        }
    }
}

fn template(text: &str, path: &str, report: &mut dyn FnMut(Effect, &str)) {
    const VARIABLES: [(&str, Effect); 2] = [
        ("$secret_vault.", Instead("$secret_vault variables are empty")),
        ("$secret_consul.", Instead("$secret_consul variables are empty")),
    ];
    for (variable, effect) in VARIABLES {
        if text.contains(variable) {
            report(effect, path);
        }
    }
}
