use serde_json::json;

use super::*;

fn wish(from: &str, with: &str, config: Value) -> IdExtractor {
    IdExtractor {
        extract_from: from.to_owned(),
        extract_with: with.to_owned(),
        extractor_config: config.as_object().unwrap().clone(),
        ..IdExtractor::default()
    }
}

fn found(with_what: &str, config: Value, text: &str) -> Option<String> {
    with(&wish("body", with_what, config)).unwrap().apply(text)
}

#[test]
fn a_regex_index_counts_matches_and_not_groups() {
    let config = |index| json!({ "regex_expression": "[a-z]([0-9])", "regex_match_index": index });
    assert_eq!(found("regex", config(0), "a1 b2 c3").as_deref(), Some("a1"));
    assert_eq!(found("regex", config(2), "a1 b2 c3").as_deref(), Some("c3"));
    assert_eq!(found("regex", config(3), "a1 b2 c3"), None);
}

#[test]
fn an_xpath_is_evaluated_on_the_text_as_xml() {
    let config = json!({ "xpath_expression": "/order/who[@kind='key']" });
    let xml = "<order><who kind='name'>Ann</who><who kind='key'>k1</who></order>";
    assert_eq!(found("xpath", config.clone(), xml).as_deref(), Some("k1"));
    assert_eq!(found("xpath", config.clone(), "<order/>"), None);
    assert_eq!(found("xpath", config, "no xml"), None);
}

#[test]
fn values_are_joined_without_anything_between() {
    let mut text = String::new();
    add_values(&mut text, b"a=1&key=x%20y&key=z&b=2", "key");
    assert_eq!(text, "x yz");
}

#[test]
fn what_cannot_work_is_told_with_what_is_expected() {
    let bad = [
        (wish("header", "value", json!({})), "extractor_config.header_name"),
        (wish("header", "value", json!({ "header_name": "no name" })), "is no header name"),
        (wish("cookie", "value", json!({})), "expected header, form or body"),
    ];
    for (wish, why) in bad {
        let reason = source(&wish).err().unwrap();
        assert!(reason.contains(why), "{reason}");
    }
    let bad = [
        (wish("body", "regex", json!({})), "regex_expression"),
        (wish("body", "regex", json!({ "regex_expression": "(" })), "regex_expression"),
        (wish("body", "xpath", json!({ "xpath_expression": "//[" })), "is no XPath"),
    ];
    for (wish, why) in bad {
        let reason = with(&wish).err().unwrap();
        assert!(reason.contains(why), "{reason}");
    }
}
