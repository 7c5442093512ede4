use crate::config::{
    Config,
    environment::{ODD, variables},
    schema::Schema,
    unsupported,
};

fn at<'a>(schema: &'a Schema, path: &str) -> Option<&'a Schema> {
    path.split('.').try_fold(schema, Schema::member)
}

#[test]
fn the_types_tell_keys_and_kinds() {
    let schema = Schema::of::<Config>();

    assert_eq!(at(&schema, "listen_port"), Some(&Schema::Int { min: 0, max: 65535 }));
    assert_eq!(at(&schema, "storage.type"), Some(&Schema::Choice(&["memory", "redis", ""])));
    assert_eq!(at(&schema, "storage.password"), Some(&Schema::Secret));
    assert_eq!(at(&schema, "liveness_check.check_duration"), Some(&Schema::Duration));
    assert_eq!(at(&schema, "labs"), Some(&Schema::Any));
    assert_eq!(at(&schema, "pinhook.metrics_address"), Some(&Schema::Text));
    assert_eq!(at(&schema, "event_handlers.events"), Some(&Schema::Map(Box::new(Schema::Any))));
    let Some(Schema::List(item)) = at(&schema, "http_server_options.certificates") else { panic!() };
    assert_eq!(item.member("cert_file"), Some(&Schema::Text));
}

#[test]
fn tables_name_only_keys_that_exist() {
    let schema = Schema::of::<Config>();
    let known: Vec<String> = variables(&schema).iter().map(|variable| variable.path.join(".")).collect();

    for path in unsupported::paths() {
        let below_untyped =
            path.rsplit_once('.').is_some_and(|(parent, _)| at(&schema, parent) == Some(&Schema::Any));
        assert!(known.iter().any(|known| known == path) || below_untyped, "{path}");
    }
    for (key, _) in ODD {
        assert!(known.iter().any(|known| known == key || known.ends_with(&format!(".{key}"))), "{key}");
    }
}

#[test]
fn variables_are_named_once() {
    let schema = Schema::of::<Config>();
    let mut names: Vec<String> = variables(&schema).into_iter().map(|variable| variable.name).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}
