use proptest::prelude::*;

use super::{hash::slashes, *};

#[test]
fn a_node_is_one_cache_line() {
    assert_eq!(size_of::<Node>(), 64);
}

#[test]
fn thousands_of_prefixes_are_all_found() {
    let text = |number: u32| {
        let long = "y".repeat(number as usize % 60);
        format!("/{long}/{:06}{}", number * 7, ["/", "", "/z"][number as usize % 3])
    };
    let prefixes: Vec<_> = (0..20_000)
        .map(|order| Prefix { text: text(order).into(), domain: order % 2, order, strict: order % 5 == 0 })
        .collect();
    let table = PrefixTable::new(&prefixes);
    for Prefix { text, domain, order, strict } in prefixes {
        let found = Found { order, length: text.len(), strict };
        assert_eq!(table.find(format!("{text}/more").as_bytes(), &[domain]), Some(found), "{text}");
    }
    assert_eq!(table.find(b"/nothing/here", &[1]), None);
}

#[test]
fn one_prefix_under_many_domains_has_a_place_for_each() {
    // Their hashes differ by the domain alone, which no seed changes.
    for domains in 1..40 {
        let prefixes: Vec<_> = (0..domains)
            .map(|domain| Prefix { text: "/a/".into(), domain, order: domain, strict: false })
            .collect();
        let table = PrefixTable::new(&prefixes);
        for domain in 1..domains {
            assert_eq!(table.find(b"/a/x", &[domain]).map(|found| found.order), Some(0));
            assert!(table.node(b"/a/x", 3, table.hash("/a/"), domain).is_some(), "{domain} of {domains}");
        }
    }
}

#[test]
fn nothing_is_found_in_an_empty_table() {
    assert_eq!(PrefixTable::new(&[]).find(b"/", &[]), None);
    assert_eq!(PrefixTable::default().find(b"/", &[]), None);
}

proptest! {
    #[test]
    fn slashes_are_found(bytes in proptest::collection::vec(prop_oneof![Just(b'/'), any::<u8>()], 0..=64)) {
        let expected =
            bytes.iter().enumerate().fold(0, |mask, (at, byte)| mask | u64::from(*byte == b'/') << at);
        prop_assert_eq!(slashes(&bytes), expected);
    }

    #[test]
    fn a_prefix_hashes_alike_wherever_it_stands(
        prefix in proptest::collection::vec(any::<u8>(), 1..40),
        rest in proptest::collection::vec(any::<u8>(), 0..20),
        stops in proptest::collection::vec(0..40_usize, 0..4),
    ) {
        let whole = [prefix.clone(), rest].concat();
        let mut rolling = Rolling::new(&whole, 1);
        let mut stops = stops;
        stops.sort_unstable();
        for stop in stops {
            rolling.at(stop.min(prefix.len()));
        }
        prop_assert_eq!(rolling.at(prefix.len()), Rolling::new(&prefix, 1).at(prefix.len()));
        prop_assert_eq!(hash::tail(7, &whole, prefix.len()), hash::tail(7, &prefix, prefix.len()));
    }
}
