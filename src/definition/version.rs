//! Versions of an API: `definition` says how a request names one, `version_data` holds them (api-definition
//! reference 2.3, 8).

use std::collections::BTreeMap;

use super::{member::members, paths::ExtendedPaths, value::ReadableDuration};

members! {
    /// `definition`: how a request names its version.
    pub struct Versioning {
        /// The scheme of base and child APIs.
        enabled: bool,
        /// The base API's own version name.
        name: String,
        /// Version of requests that name none.
        default: String,
        /// `header`, `url-param` or `url`.
        location: String,
        /// Header or parameter that holds the name.
        key: String,
        /// Old form of `strip_versioning_data`, for `url` only.
        strip_path: bool,
        /// Removes the version from the request.
        strip_versioning_data: bool,
        /// Regex of the segments that may be stripped.
        url_versioning_pattern: String,
        /// An unknown version is the default one.
        fallback_to_default: bool,
        /// Version name to API id of the child.
        versions: BTreeMap<String, String>,
    }

    /// `version_data`: the versions inside this definition.
    pub struct VersionData {
        /// There is one version and requests name none.
        not_versioned: bool,
        /// Version of requests that name none.
        default_version: String,
        /// By name.
        versions: BTreeMap<String, VersionInfo>,
    }

    /// One version: global settings and endpoint rules.
    pub struct VersionInfo {
        /// Endpoint rules are found by it.
        name: String,
        /// `2006-01-02 15:04`, UTC; ignored when `not_versioned`.
        expires: String,
        /// Endpoint lists that count while `use_extended_paths` is off.
        paths: PlainPaths,
        /// Whether `extended_paths` counts.
        use_extended_paths: bool,
        /// The endpoint rules.
        extended_paths: ExtendedPaths,
        /// Set on every request.
        global_headers: BTreeMap<String, String>,
        /// Removed from every request, before `global_headers`.
        global_headers_remove: Vec<String>,
        /// Switches both off.
        global_headers_disabled: bool,
        /// Set on every response.
        global_response_headers: BTreeMap<String, String>,
        /// Removed from every response, before `global_response_headers`.
        global_response_headers_remove: Vec<String>,
        /// Switches both off.
        global_response_headers_disabled: bool,
        /// Lists and mocks ignore the case of the path.
        ignore_endpoint_case: bool,
        /// Biggest request body in bytes; 0 is no limit.
        global_size_limit: i64,
        /// Does not start the size check for `global_size_limit` alone.
        global_size_limit_disabled: bool,
        /// Limit on the whole exchange with the upstream.
        global_enforce_timeout: ReadableDuration,
        /// Switches it off.
        global_enforce_timeout_disabled: bool,
        /// Replaces `target_url`; versioned APIs only.
        override_target: String,
    }

    /// `paths`: plain endpoint lists.
    pub struct PlainPaths {
        /// No auth on these.
        ignored: Vec<String>,
        /// Only these are served.
        white_list: Vec<String>,
        /// These are not served.
        black_list: Vec<String>,
    }
}
