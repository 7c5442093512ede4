use std::{collections::BTreeSet, fs, path::Path};

use super::{functions::declared, sources::SOURCES, starter, toolchain::release};

#[test]
fn functions_at_top_level_are_found_whatever_stands_around_them() {
    let text = r#"
package main

// func Commented(w http.ResponseWriter) {}
/* func AlsoCommented() {} */
import "net/http"

var text = `func Quoted() {}`
var brace = '{'
var escaped = "\"func InText() {"
var Hook = func(w http.ResponseWriter, r *http.Request) {}

type Handler func(w http.ResponseWriter)

type server struct{ call func(int) }

func (s *server) Method(w http.ResponseWriter) {}

func Generic[T any](value T) { func() {}() }

func Pre(w http.ResponseWriter, r *http.Request) {
	inner := func() { for _, c := range "{{" { _ = c } }
	inner()
}
func helper() {}
func
Split(
	w http.ResponseWriter,
) {}

func main() {}
"#;
    assert_eq!(declared(text).collect::<Vec<_>>(), ["Pre", "helper", "Split", "main"]);
    assert_eq!(declared("func Broken(`").collect::<Vec<_>>(), ["Broken"]);
    assert_eq!(declared("func").count(), 0);
}

#[test]
fn the_added_file_names_the_functions_and_a_main_where_there_is_none() {
    let text = starter(&["A".to_owned(), "B".to_owned()], true);
    assert!(text.contains("\t\t\"A\": A,\n\t\t\"B\": B,\n"), "{text}");
    assert!(!text.contains("func main"), "{text}");
    assert!(starter(&["A".to_owned()], false).contains("func main() {}"));
}

#[test]
fn releases_are_read_from_versions() {
    let cases =
        [("go1.25.1", Some((1, 25))), ("go1.26rc1", Some((1, 26))), ("1.9", Some((1, 9))), ("devel", None)];
    for (version, expected) in cases {
        assert_eq!(release(version), expected, "{version}");
    }
}

#[test]
fn all_go_source_is_carried() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/go");
    let mut found = BTreeSet::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let carried: BTreeSet<_> = SOURCES.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(carried, found);
}
