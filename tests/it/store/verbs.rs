//! Every verb, on any store that starts empty.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use pinhook::store::{If, Store};

use super::items;
use crate::support::in_time;

pub(super) async fn all(store: &dyn Store) {
    values(store).await;
    many_keys(store).await;
    prefixes(store).await;
    lists(store).await;
    sets(store).await;
    sorted_sets(store).await;
    wrong_kinds(store).await;
    messages(store).await;
    assert!(store.answers());
}

async fn value(store: &dyn Store, key: &str) -> Option<Bytes> {
    let [found] = store.get_many(&[key]).await.unwrap().try_into().unwrap();
    found
}

async fn values(store: &dyn Store) {
    let (minute, raw) = (Some(Duration::from_secs(60)), [0, 255, b'\r', b'\n'].as_slice());
    assert!(!store.set("v", b"1", None, If::Exists).await.unwrap(), "there is nothing to replace");
    assert_eq!(value(store, "v").await, None);
    assert!(store.set("v", raw, minute, If::Absent).await.unwrap());
    assert!(!store.set("v", b"2", None, If::Absent).await.unwrap());
    assert_eq!(value(store, "v").await.unwrap(), raw);
    assert!(store.ttl("v").await.unwrap().is_some_and(|left| left > Duration::from_secs(50)));

    assert!(store.set("v", b"3", None, If::Exists).await.unwrap());
    assert_eq!(store.ttl("v").await.unwrap(), None, "what replaces a value does away with its expiry");
    assert!(store.set("v", b"", Some(Duration::from_millis(30)), If::Always).await.unwrap());
    assert_eq!(value(store, "v").await.unwrap(), "", "an empty value is one");
    let gone = async {
        while value(store, "v").await.is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time("the end of a short life", gone).await;
    assert!(!store.set("v", b"4", None, If::Exists).await.unwrap(), "what expired is not brought back");
}

async fn many_keys(store: &dyn Store) {
    let names: Vec<String> = (0..50).map(|number| format!("many-{number}")).collect();
    let mut asked: Vec<&str> = names.iter().map(String::as_str).collect();
    for name in &asked {
        store.set(name, name.as_bytes(), None, If::Always).await.unwrap();
    }
    asked.insert(7, "missing");
    let found = store.get_many(&asked).await.unwrap();
    assert_eq!(found.len(), asked.len());
    for (name, found) in asked.iter().zip(found) {
        let expected = (*name != "missing").then_some(*name);
        assert_eq!(
            found.as_deref(),
            expected.map(str::as_bytes),
            "in the order in which they were asked for"
        );
    }
    assert_eq!(store.get_many(&[]).await.unwrap(), Vec::<Option<Bytes>>::new());
    assert_eq!(store.delete(&asked).await.unwrap(), 50);
    assert_eq!(store.delete(&asked).await.unwrap(), 0);
    assert_eq!(store.delete(&[]).await.unwrap(), 0);
}

async fn prefixes(store: &dyn Store) {
    let names = ["p*[a]", "p*[a]x", "pzaz", "p*a", "P*[a]", "q"];
    for name in names {
        store.set(name, b"1", None, If::Always).await.unwrap();
    }
    let found: BTreeSet<String> = store.scan("p*[a]").await.unwrap().into_iter().collect();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["p*[a]", "p*[a]x"], "nothing in it is a pattern");
    assert_eq!(store.scan("nothing").await.unwrap(), Vec::<String>::new());

    let many: Vec<String> = (0..2500).map(|number| format!("page-{number}")).collect();
    for name in &many {
        store.set(name, b"1", None, If::Always).await.unwrap();
    }
    let mut found = store.scan("page-").await.unwrap();
    found.sort();
    let mut expected = many.clone();
    expected.sort();
    assert_eq!(found, expected, "each once");
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(store.delete(&many).await.unwrap(), 2500);
    store.delete(&names).await.unwrap();
}

async fn lists(store: &dyn Store) {
    assert_eq!(store.list("l").await.unwrap(), items(&[]));
    store.push("l", &[]).await.unwrap();
    store.push("l", &items(&["a", "b"])).await.unwrap();
    store.push("l", &items(&["a", "c"])).await.unwrap();
    assert_eq!(store.list("l").await.unwrap(), items(&["a", "b", "a", "c"]));
    assert_eq!(store.list_remove("l", b"a").await.unwrap(), 2);
    assert_eq!(store.list_remove("l", b"a").await.unwrap(), 0);
    assert_eq!(store.list_remove("none", b"a").await.unwrap(), 0);
    assert_eq!(store.list("l").await.unwrap(), items(&["b", "c"]));
}

async fn sets(store: &dyn Store) {
    assert_eq!(store.set_members("s").await.unwrap(), items(&[]));
    for member in ["b", "a", "b"] {
        store.set_add("s", member.as_bytes()).await.unwrap();
    }
    let members = async || {
        let mut members = store.set_members("s").await.unwrap();
        members.sort();
        members
    };
    assert_eq!(members().await, items(&["a", "b"]));
    store.set_remove("s", b"a").await.unwrap();
    store.set_remove("s", b"none").await.unwrap();
    assert_eq!(members().await, items(&["b"]));
}

async fn sorted_sets(store: &dyn Store) {
    for (member, score) in [("b", 2.0), ("a", 1.5), ("c", 3.0), ("moved", 9.0), ("moved", 2.5)] {
        store.sorted_add("z", member.as_bytes(), score).await.unwrap();
    }
    let range = async |from, to| {
        let found = store.sorted_range("z", from, to).await.unwrap();
        found
            .into_iter()
            .map(|(member, score)| (String::from_utf8(member.to_vec()).unwrap(), score))
            .collect()
    };
    let found: Vec<(String, f64)> = range(1.5, 2.5).await;
    assert_eq!(found, [("a".to_owned(), 1.5), ("b".to_owned(), 2.0), ("moved".to_owned(), 2.5)]);
    assert_eq!(store.sorted_remove("z", f64::NEG_INFINITY, 2.0).await.unwrap(), 2);
    let left: Vec<(String, f64)> = range(f64::NEG_INFINITY, f64::INFINITY).await;
    assert_eq!(left, [("moved".to_owned(), 2.5), ("c".to_owned(), 3.0)]);
    assert_eq!(store.sorted_range("none", 0.0, 1.0).await.unwrap(), []);
}

async fn wrong_kinds(store: &dyn Store) {
    assert!(store.set_add("l", b"a").await.is_err(), "a list is no set");
    assert!(store.sorted_add("s", b"a", 1.0).await.is_err(), "a set is not sorted");
    assert!(store.list("z").await.is_err());
    assert_eq!(store.list("l").await.unwrap(), items(&["b", "c"]), "an error changes nothing");
    assert_eq!(store.delete(&["l", "s", "z"]).await.unwrap(), 3, "keys of any kind");
}

async fn messages(store: &dyn Store) {
    let mut first = store.subscribe("channel").await.unwrap();
    let mut second = store.subscribe("channel").await.unwrap();
    let mut other = store.subscribe("other").await.unwrap();
    for text in ["one", "two", "three"] {
        store.publish("channel", text.as_bytes()).await.unwrap();
    }
    store.publish("other", &[0, 255]).await.unwrap();
    for heard in [&mut first, &mut second] {
        for text in ["one", "two", "three"] {
            assert_eq!(in_time("a message", heard.recv()).await.unwrap(), text);
        }
    }
    assert_eq!(*in_time("a message", other.recv()).await.unwrap(), [0, 255]);
    store.publish("nobody listens", b"x").await.unwrap();
}
