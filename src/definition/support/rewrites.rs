//! What URL rewrites may use and cannot yet: sessions, secrets of a key-value server.

use super::{
    super::{Match, UrlRewrite, VersionInfo},
    Effect::{self, Instead},
    Lint,
};

pub(super) fn check(version: &VersionInfo, at: &str, place: &str, found: &mut Lint) {
    let rewrites = version.extended_paths.url_rewrites.iter().enumerate();
    for (index, rewrite) in rewrites.filter(|(_, rewrite)| !rewrite.disabled) {
        let mut report = |effect: Effect, path: &str| {
            effect.report(place, format!("{at}.extended_paths.url_rewrites[{index}]{path}"), found);
        };
        triggers(rewrite, &mut report);
        template(&rewrite.rewrite_to, ".rewrite_to", &mut report);
        for (index, trigger) in rewrite.triggers.iter().enumerate() {
            template(&trigger.rewrite_to, &format!(".triggers[{index}].rewrite_to"), &mut report);
        }
    }
}

fn triggers(rewrite: &UrlRewrite, report: &mut dyn FnMut(Effect, &str)) {
    for (index, trigger) in rewrite.triggers.iter().enumerate() {
        let options = &trigger.options;
        let any = trigger.on == "any";
        let others = [
            &options.header_matches,
            &options.query_val_matches,
            &options.path_part_matches,
            &options.request_context_matches,
        ];
        let alone =
            others.iter().all(|group| group.is_empty()) && options.payload_matches == Match::default();
        let meta = !options.session_meta_matches.is_empty();
        if meta {
            let effect = match any && !alone {
                true => Instead("metadata is not looked at; the trigger's other conditions count"),
                false => Instead("the trigger never fires until there are sessions"),
            };
            report(effect, &format!(".triggers[{index}].options.session_meta_matches"));
        }
    }
}

fn template(text: &str, path: &str, report: &mut dyn FnMut(Effect, &str)) {
    const VARIABLES: [(&str, Effect); 3] = [
        ("$tyk_meta.", Instead("$tyk_meta variables are empty until there are sessions")),
        ("$secret_vault.", Instead("$secret_vault variables are empty")),
        ("$secret_consul.", Instead("$secret_consul variables are empty")),
    ];
    for (variable, effect) in VARIABLES {
        if text.contains(variable) {
            report(effect, path);
        }
    }
}
