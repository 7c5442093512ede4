//! Scripts that are found in the folder of an API.

use super::*;

fn sets(header: &str) -> String {
    hook(&format!("request.SetHeaders['{header}'] = '1'; return m.ReturnData(request, {{}});"))
}

#[tokio::test]
async fn scripts_of_the_folder_run_and_a_reload_finds_new_and_changed_ones() {
    let up = Upstream::named("up").await;
    let gateway =
        build().api(api("a").target(&up).set("custom_middleware", json!({ "driver": "otto" }))).start().await;
    let seen = async |header: &str| {
        assert_eq!(gateway.get("/a/x").send().await.status, 200);
        up.last().header(header).is_some()
    };
    assert!(!seen("x-one").await);
    let folder = gateway.file("middleware/a/pre");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("m.js"), sets("X-One")).unwrap();
    gateway.reload().await;
    assert!(seen("x-one").await, "a new file");
    fs::write(folder.join("m.js"), sets("X-Two")).unwrap();
    gateway.reload().await;
    assert!(seen("x-two").await && !seen("x-one").await, "a changed file");
    fs::remove_file(folder.join("m.js")).unwrap();
    gateway.reload().await;
    assert!(!seen("x-two").await, "a file that is gone");
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_answers_500_and_is_named() {
    let up = Upstream::named("up").await;
    let builder = build();
    let folder = builder.folder().join("middleware/a");
    fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(folder.join("pre"), folder.join("pre")).unwrap();
    let gateway =
        builder.api(api("a").target(&up).set("custom_middleware", json!({ "driver": "otto" }))).start().await;
    assert_eq!(gateway.get("/a/x").send().await.status, 500);
    let report = gateway.reload().await;
    let named = report.problems.iter().any(|problem| problem.message.contains("a/pre: cannot be read"));
    assert!(named, "{:?}", report.problems);
    assert_eq!(up.count(), 0);
}
