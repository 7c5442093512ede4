//! The auth hook and its id extractor (plugins reference 2.4, 8.1).

use super::super::{
    draft::Draft,
    lines::{Line, Take::*, take},
    read::Node,
};

const HOOK: &[Line] = &[
    Line("config.enabled", "auth_check.disabled", Not),
    Line("config.functionName", "auth_check.name", Text),
    Line("config.path", "auth_check.path", Text),
    Line("config.code", "auth_check.code", Text),
    Line("config.rawBodyOnly", "auth_check.raw_body_only", Flag),
    Line("config.requireSession", "auth_check.require_session", Flag),
    Line("config.pinhook", "auth_check.pinhook", Raw),
    Line("config.idExtractor.enabled", "id_extractor.disabled", Not),
    Line("config.idExtractor.source", "id_extractor.extract_from", Text),
    Line("config.idExtractor.with", "id_extractor.extract_with", Text),
    Line("config.idExtractor.config.headerName", "id_extractor.extractor_config.header_name", Text),
    Line("config.idExtractor.config.formParamName", "id_extractor.extractor_config.param_name", Text),
    Line("config.idExtractor.config.regexp", "id_extractor.extractor_config.regex_expression", Text),
    Line(
        "config.idExtractor.config.regexpMatchIndex",
        "id_extractor.extractor_config.regex_match_index",
        Whole,
    ),
    Line("config.idExtractor.config.xPathExp", "id_extractor.extractor_config.xpath_expression", Text),
];

pub(super) fn convert(custom: &Node<'_>, draft: &mut Draft) {
    take(HOOK, custom, "custom_middleware", draft);
}
