use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn escaping_and_back_is_the_same(text in ".*") {
        let (query, path) = (query_escape(&text), path_escape(&text));
        prop_assert_eq!(query_unescape(&query).unwrap(), text.as_str());
        prop_assert_eq!(path_unescape(&path).unwrap(), text.as_str());
    }

    #[test]
    fn a_target_never_panics_and_reads_back_as_itself(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
        if let Ok(url) = Url::from_target(&[b"/", bytes.as_slice()].concat()) {
            let again = Url::from_target(url.request_uri().as_bytes()).unwrap();
            prop_assert_eq!(&again.request_uri(), &url.request_uri());
            prop_assert_eq!(again.path(), url.path());
            prop_assert_eq!(again.query(), url.query());
        }
        let _ = Url::from_target(&bytes).map(|url| url.redirect());
        let _ = Url::parse(&String::from_utf8_lossy(&bytes)).map(|url| url.join(&url, true));
    }

    #[test]
    fn a_target_of_clean_escapes_is_itself(text in "(/([a-z0-9 é?%/\"]|\\PC){0,4}){1,4}", query in "[a-z=&%+]{0,8}") {
        let sent = format!("{}?{query}", path_escape(&text));
        let url = Url::from_target(sent.as_bytes()).unwrap();
        prop_assert_eq!(url.path(), text.as_str());
        prop_assert_eq!(url.raw_path(), None);
        prop_assert_eq!(Url::from_target(url.request_uri().as_bytes()).unwrap(), url.clone());
        prop_assert_eq!(url.upstream_uri(false), sent);
    }

    #[test]
    fn the_upstream_gets_the_bytes_that_the_client_meant(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
        let sent: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
        let url = Url::from_target(format!("/{sent}").as_bytes()).unwrap();
        for skip in [false, true] {
            let uri = url.upstream_uri(skip).into_owned();
            let decoded = escape::unescape(uri.as_bytes(), false).unwrap();
            prop_assert_eq!(decoded.get(1..).unwrap(), bytes.as_slice());
        }
    }

    #[test]
    fn cleaning_ends(path in "[/.a]{0,12}") {
        let clean = clean_path(&path).into_owned();
        prop_assert!(clean.starts_with('/') && !clean.contains("//") && !clean.contains("/../"));
        prop_assert_eq!(&clean_path(&clean), &clean);
    }

    #[test]
    fn encoded_values_read_back(pairs in proptest::collection::vec((".{0,4}", ".{0,4}"), 0..6)) {
        let query: Vec<_> =
            pairs.iter().map(|(key, value)| format!("{}={}", query_escape(key), query_escape(value))).collect();
        let encoded = Values::parse(&query.join("&")).encode();
        let mut sorted = pairs.clone();
        sorted.sort_by(|one, other| one.0.cmp(&other.0));
        let back: Vec<_> =
            Values::parse(&encoded).iter().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
        prop_assert_eq!(back, sorted);
    }
}
