//! Definitions that are broken, twice there, or in each other's way: the others are served, and the load says so.

use std::{fs, os::unix::fs::PermissionsExt};

use pinhook::error::{Problem, Severity};
use serde_json::json;

use crate::support::{definition::api, gateway::Gateway, upstream::Upstream};

fn named<'a>(problems: &'a [Problem], file: &str) -> &'a Problem {
    let found = problems.iter().find(|problem| problem.place.contains(file));
    found.unwrap_or_else(|| panic!("{file} is not named in {problems:#?}"))
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_left_out_alone() {
    let upstream = Upstream::named("up").await;
    let wrong_type = api("typed").target(&upstream).set("proxy.strip_listen_path", "maybe").text();
    let no_target = api("nowhere").target_url("http://a b/").text();
    let cases = [
        ("broken.json", "{\n  \"name\": \"broken\",\n", "broken.json:3: not valid JSON"),
        ("empty.json", "", "not valid JSON"),
        ("list.json", "[]", "expected"),
        ("typed.json", &wrong_type, "expected"),
        ("nowhere.json", &no_target, "this API is not served"),
        ("bytes.json", "\u{0}\u{1}", "not valid JSON"),
    ];
    let mut builder = Gateway::build().api(api("good").target(&upstream));
    for (file, text, _) in &cases {
        builder = builder.file(file, text);
    }
    let gateway = builder.start().await;

    let report = gateway.reload().await;

    for (file, _, says) in &cases {
        let problem = named(&report.problems, file);
        assert_eq!(problem.severity, Severity::Error, "{problem}");
        assert!(problem.to_string().contains(says), "{problem}");
    }
    assert_eq!(report.live, 1);
    assert_eq!(gateway.get("/good/x").send().await.text(), "up");
    for id in ["typed", "nowhere"] {
        assert_eq!(gateway.get(&format!("/{id}/x")).send().await.status, 404);
    }
    assert_eq!(gateway.metric(r#"pinhook_config_problems{severity="error"}"#), Some(cases.len() as f64));
    assert_eq!(gateway.metric(r#"pinhook_reloads_total{result="failed"}"#), Some(2.0));
}

#[tokio::test]
async fn a_file_that_may_not_be_read_is_named() {
    let upstream = Upstream::named("up").await;
    let builder = Gateway::build().api(api("good").target(&upstream)).api(api("secret").target(&upstream));
    let file = builder.folder().join("secret.json");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o0)).unwrap();
    if fs::read(&file).is_ok() {
        // Root may read everything; a folder in its place cannot be read by anyone.
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/nowhere/at/all.json", &file).unwrap();
    }
    let gateway = builder.start().await;

    let report = gateway.reload().await;

    assert!(named(&report.problems, "secret.json").to_string().contains("cannot"), "{:?}", report.problems);
    assert_eq!(gateway.get("/secret/x").send().await.status, 404);
    assert_eq!(gateway.get("/good/x").send().await.text(), "up");
}

#[tokio::test]
async fn of_two_files_with_one_id_the_first_is_served() {
    let (first, second) = (Upstream::named("first").await, Upstream::named("second").await);
    let gateway = Gateway::build()
        .file("a.json", api("twice").target(&first).text())
        .file("b.json", api("twice").listen("/other/").target(&second).text())
        .start()
        .await;

    let report = gateway.reload().await;

    assert_eq!(gateway.get("/twice/x").send().await.text(), "first");
    assert_eq!(gateway.get("/other/x").send().await.status, 404);
    let problem = named(&report.problems, "b.json");
    assert!(problem.to_string().contains("twice") && problem.to_string().contains("a.json"), "{problem}");
}

#[tokio::test]
async fn two_apis_on_one_listen_path_are_moved_unless_one_runs_there() {
    let (one, two) = (Upstream::named("one").await, Upstream::named("two").await);
    let (one, two) = (api("one").listen("/x").target(&one), api("two").listen("/x").target(&two));
    let gateway = Gateway::build().api(one.clone()).api(two.clone()).start().await;
    let statuses = async |paths: &[&str]| {
        let mut all = Vec::new();
        for path in paths {
            all.push(gateway.get(path).send().await.status);
        }
        all
    };
    assert_eq!(statuses(&["/x", "/x-one", "/x-two"]).await, [404, 200, 200]);
    assert_eq!(gateway.reload().await.problems.len(), 2);

    // One goes, the other gets the path, and keeps it when the first comes back.
    fs::remove_file(gateway.file("one.json")).unwrap();
    gateway.reload().await;
    assert_eq!(gateway.get("/x").send().await.text(), "two");
    gateway.put(&one);
    let report = gateway.reload().await;
    assert_eq!(gateway.get("/x").send().await.text(), "two");
    assert_eq!(gateway.get("/x-one").send().await.text(), "one");
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
}

#[tokio::test]
async fn a_broken_definition_keeps_its_last_good_version_until_it_is_mended() {
    let (old, new) = (Upstream::named("old").await, Upstream::named("new").await);
    let gateway = Gateway::build().api(api("a").target(&old)).start().await;
    for broken in [
        "{".to_owned(),
        String::new(),
        api("a").target(&new).set("proxy.listen_path", 5).text(),
        api("a").target_url("http://a b/").text(),
    ] {
        gateway.write("a.json", &broken);
        let report = gateway.reload().await;
        assert_eq!(gateway.get("/a/x").send().await.text(), "old", "{broken}");
        assert_eq!(named(&report.problems, "a.json").severity, Severity::Error);
        assert_eq!(report.live, 1);
        let status = gateway.control("GET", "/tyk/apis/a/status").send().await.json();
        assert!(!status["problems"].as_array().unwrap().is_empty(), "the status names it, too: {status}");
    }

    gateway.put(&api("a").target(&new));
    let report = gateway.reload().await;
    assert_eq!(gateway.get("/a/x").send().await.text(), "new");
    assert_eq!(report.problems, []);
    let status = gateway.control("GET", "/tyk/apis/a/status").send().await.json();
    assert_eq!(status["problems"], json!([]));
}

#[tokio::test]
async fn files_that_come_and_go_bring_and_take_their_apis() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().start().await;
    let status = async || gateway.get("/a/x").send().await.status;

    assert_eq!(status().await, 404);
    gateway.put(&api("a").target(&upstream));
    assert_eq!(status().await, 404, "not before a reload");
    gateway.reload().await;
    assert_eq!(status().await, 200);
    fs::remove_file(gateway.file("a.json")).unwrap();
    assert_eq!(status().await, 200);
    gateway.reload().await;
    assert_eq!(status().await, 404);
}

#[tokio::test]
async fn a_definition_that_moves_to_another_file_stays_the_same_api() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    fs::rename(gateway.file("a.json"), gateway.file("b.json")).unwrap();
    assert_eq!(gateway.reload().await.live, 1);
    gateway.write("b.json", "{");
    gateway.reload().await;
    assert_eq!(gateway.get("/a/x").send().await.text(), "up", "the new file stands for it now");
}

#[tokio::test]
async fn an_api_whose_security_cannot_be_honoured_answers_500() {
    let upstream = Upstream::named("up").await;
    let pinned = api("pinned").target(&upstream).set("pinned_public_keys", json!({ "*": "some-key-id" }));
    let gateway = Gateway::build().api(pinned).api(api("good").target(&upstream)).start().await;

    assert_eq!(gateway.get("/pinned/x").send().await.error(), (500, "Internal Server Error".to_owned()));

    let status = gateway.control("GET", "/tyk/apis/pinned/status").send().await.json();
    assert_eq!(status["state"], "refuses");
    assert!(status["problems"].to_string().contains("pinned_public_keys"), "{status}");
    assert_eq!(upstream.count(), 0);
    assert_eq!(gateway.get("/good/x").send().await.text(), "up");
}

#[tokio::test]
async fn a_folder_that_is_gone_is_named_and_changes_nothing() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    let folder = gateway.file("");
    let aside =
        std::path::PathBuf::from(format!("{}-aside", folder.display().to_string().trim_end_matches("/")));
    fs::rename(&folder, &aside).unwrap();

    let report = gateway.reload().await;

    fs::rename(&aside, &folder).unwrap();
    assert!(report.problems.iter().any(|problem| problem.message.contains("cannot read the folder")));
    assert_eq!(gateway.get("/a/x").send().await.text(), "up", "the last good version keeps running");
}
