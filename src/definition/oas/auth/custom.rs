//! The auth hook and its id extractor (plugins reference 2.4, 8.1).

use super::super::{
    draft::Draft,
    lines::{Line, Take::*, take},
    read::Node,
    tables::HOOK,
};

const EXTRACTOR: &[Line] = &[
    Line("enabled", "disabled", Not),
    Line("source", "extract_from", Text),
    Line("with", "extract_with", Text),
    Line("config.headerName", "extractor_config.header_name", Text),
    Line("config.formParamName", "extractor_config.param_name", Text),
    Line("config.regexp", "extractor_config.regex_expression", Text),
    Line("config.regexpMatchIndex", "extractor_config.regex_match_index", Whole),
    Line("config.xPathExp", "extractor_config.xpath_expression", Text),
];

pub(super) fn convert(custom: &Node<'_>, draft: &mut Draft) {
    let config = custom.member("config");
    take(HOOK, &config, "custom_middleware.auth_check", draft);
    take(EXTRACTOR, &config.member("idExtractor"), "custom_middleware.id_extractor", draft);
}
