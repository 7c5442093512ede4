//! `url_rewrites` and their triggers (api-definition reference 4.1).

use std::collections::BTreeMap;

use super::member::members;

members! {
    /// Entry of `url_rewrites`.
    pub struct UrlRewrite {
        /// Takes the entry out.
        disabled: bool,
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
        /// RE2 regex, run over the request URI with listen path and query.
        match_pattern: String,
        /// Template of the whole new URL.
        rewrite_to: String,
        /// The first satisfied one replaces the template.
        triggers: Vec<Trigger>,
    }

    /// A condition that replaces the template of a rewrite.
    pub struct Trigger {
        /// `any`, else all.
        on: String,
        /// The conditions.
        options: TriggerOptions,
        /// Template of the whole new URL.
        rewrite_to: String,
    }

    /// The conditions of a trigger, in the order in which they are tried.
    pub struct TriggerOptions {
        /// By header name.
        header_matches: BTreeMap<String, Match>,
        /// By query parameter.
        query_val_matches: BTreeMap<String, Match>,
        /// By a label of one's own; every path segment is tried.
        path_part_matches: BTreeMap<String, Match>,
        /// By metadata key.
        session_meta_matches: BTreeMap<String, Match>,
        /// By context variable.
        request_context_matches: BTreeMap<String, Match>,
        /// On the request body.
        payload_matches: Match,
    }

    /// A regex that has to match, or must not.
    pub struct Match {
        /// RE2 regex, unanchored.
        match_rx: String,
        /// Counts when it does not match.
        reverse: bool,
    }
}
