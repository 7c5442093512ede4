//! Hooks of an API (plugins reference 2, 8, 10).

use serde_json::{Map, Value};

use super::member::members;

members! {
    /// `custom_middleware`.
    pub struct CustomMiddleware {
        /// Before auth.
        pre: Vec<HookEntry>,
        /// Before the request goes upstream.
        post: Vec<HookEntry>,
        /// After auth.
        post_key_auth: Vec<HookEntry>,
        /// Is the auth.
        auth_check: HookEntry,
        /// On the response.
        response: Vec<HookEntry>,
        /// `otto`, `javascript`, `python`, `lua`, `grpc`, `goplugin`; for all entries that name none.
        driver: String,
        /// Finds the key without calling the auth hook.
        id_extractor: IdExtractor,
        /// Analytics hooks; only honoured in a bundle's manifest.
        traffic_logs: HookEntry => omit,
    }

    /// `manifest.json` of a bundle (plugins reference 7.2).
    pub struct BundleManifest {
        /// Its files, in the order in which they are summed up.
        file_list: Vec<String>,
        /// The hooks; they take the place of those of the definition.
        custom_middleware: CustomMiddleware,
        /// MD5 of the contents of all files, one after the other.
        checksum: String,
        /// RSA signature of the same in base64; may be empty.
        signature: String,
    }

    /// One hook of a list.
    pub struct HookEntry {
        /// Takes the entry out.
        disabled: bool,
        /// Function.
        name: String,
        /// File.
        path: String,
        /// JavaScript source in base64; wins over `path`.
        code: String => omit,
        /// The script gets the session.
        require_session: bool,
        /// Only the raw body is filled.
        raw_body_only: bool,
        /// What pinhook adds.
        pinhook: Option<Pinhook> => omit,
    }

    /// Settings of pinhook's own, inside a hook entry.
    pub struct Pinhook {
        /// Driver of this entry; else that of `custom_middleware`.
        driver: Option<String> => omit,
        /// Milliseconds until the call counts as failed; else `pinhook.plugin_timeout_ms`.
        timeout_ms: Option<u64> => omit,
        /// gRPC plugin server of this entry; else that of the API, else `coprocess_options.coprocess_grpc_server`.
        grpc_server: Option<String> => omit,
    }

    /// Settings of pinhook's own, at the root of a definition.
    pub struct ApiPinhook {
        /// gRPC plugin server of this API; else `coprocess_options.coprocess_grpc_server`.
        grpc_server: Option<String> => omit,
    }

    /// `custom_middleware.id_extractor`.
    pub struct IdExtractor {
        /// Switches it off.
        disabled: bool,
        /// `header`, `form` or `body`.
        extract_from: String,
        /// `value`, `regex` or `xpath`.
        extract_with: String,
        /// `header_name`, `param_name`, `regex_expression`, `regex_match_index`, `xpath_expression`.
        extractor_config: Map<String, Value>,
    }

    /// Entry of `extended_paths.go_plugin`.
    pub struct GoPlugin {
        /// Takes the entry out.
        disabled: bool,
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
        /// Library.
        plugin_path: String,
        /// Function.
        func_name: String,
        /// What pinhook adds.
        pinhook: Option<Pinhook> => omit,
    }

    /// Entry of `extended_paths.virtual`.
    pub struct Virtual {
        /// Takes the entry out.
        disabled: bool,
        /// Function.
        response_function_name: String,
        /// `file` or `blob`.
        function_source_type: String,
        /// File path, or source in base64.
        function_source_uri: String,
        /// Endpoint path.
        path: String,
        /// Method.
        method: String,
        /// The script gets the session.
        use_session: bool,
        /// A failing script lets the request pass.
        proxy_on_error: bool,
        /// What pinhook adds.
        pinhook: Option<Pinhook> => omit,
    }

    /// `analytics_plugin`: edits analytics records.
    pub struct AnalyticsPlugin {
        /// The switch.
        enable: bool => omit,
        /// Library.
        plugin_path: String => omit,
        /// Function.
        func_name: String => omit,
        /// What pinhook adds: any driver may edit records.
        pinhook: Option<Pinhook> => omit,
    }
}
