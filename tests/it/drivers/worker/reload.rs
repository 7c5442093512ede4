//! What a reload changes, and what it leaves.

use super::*;
use crate::support::{
    load::{Load, Mix},
    until,
};

fn versioned(text: &str) -> String {
    format!("{START}{}", says(&format!("'{text}'")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_code_takes_over_under_load_and_the_old_ends() {
    let upstream = Upstream::named("up").await;
    let text = |version: &str| format!("{START}{}", says(&format!("'{version} ' + str(os.getpid())")));
    let builder = gateway(2).file("plugin.py", text("one"));
    let file = builder.folder().join("plugin.py");
    let gateway = builder.api(hooked("say", &upstream, "pre", entry(&file, "Say"))).start().await;
    let old = get(&gateway, "/say/").await.text();
    let load = Load::start(gateway.address(), &["/say/"], Mix { kept: 8, ..Mix::default() });
    load.more(100).await;
    for version in ["two", "six"] {
        std::fs::write(&file, text(version)).unwrap();
        gateway.reload().await;
        assert!(get(&gateway, "/say/").await.text().starts_with(version));
        load.more(100).await;
    }
    let tally = load.end().await;
    assert!(tally.failed.is_empty(), "{:?}", tally.failed);
    assert!(tally.answered > 300, "{}", tally.answered);
    let pid = old.strip_prefix("one ").unwrap().parse().unwrap();
    until("the end of the old workers", async || is_gone(Pid::from_raw(pid).unwrap())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unchanged_code_runs_on_and_hears_of_it() {
    let upstream = Upstream::named("up").await;
    let text = format!(
        "{START}calls = 0\nreloads = 0\n\
         def count():\n    global calls\n    calls += 1\n    return '%d %d %d' % (calls, reloads, os.getpid())\n\
         def pinhook_on_reload():\n    global reloads\n    reloads += 1\n{}",
        says("count()")
    );
    let builder = gateway(2).file("plugin.py", text);
    let file = builder.folder().join("plugin.py");
    let gateway = builder.api(hooked("say", &upstream, "pre", entry(&file, "Say"))).start().await;
    let before = get(&gateway, "/say/").await.text();
    assert!(before.starts_with("1 1 "), "{before}");
    gateway.reload().await;
    let after = get(&gateway, "/say/").await.text();
    assert_eq!(after, before.replacen("1 1 ", "2 2 ", 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_that_breaks_leaves_the_last_good_running() {
    let upstream = Upstream::named("up").await;
    let builder = gateway(1).file("plugin.py", versioned("good"));
    let file = builder.folder().join("plugin.py");
    let gateway = builder.api(hooked("say", &upstream, "pre", entry(&file, "Say"))).start().await;
    for broken in ["import no_such_module\n", "x = 1\n"] {
        std::fs::write(&file, broken).unwrap();
        assert!(!gateway.reload().await.problems.is_empty());
        assert_eq!(get(&gateway, "/say/").await.text(), "good");
    }
    std::fs::write(&file, versioned("better")).unwrap();
    gateway.reload().await;
    assert_eq!(get(&gateway, "/say/").await.text(), "better");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modules_beside_the_plugin_and_in_folders_of_the_configuration_are_found() {
    let upstream = Upstream::named("up").await;
    let builder = gateway(1)
        .file("plugin.py", format!("import vendored, shared\n{START}{}", says("vendored.word + shared.word")))
        .file("vendored.py", "word = 'beside '\n");
    let (folder, shared) = (builder.folder(), tempfile::tempdir().unwrap());
    std::fs::write(shared.path().join("shared.py"), "word = 'shared'\n").unwrap();
    let path = vec![shared.path().display().to_string()];
    let builder = builder.config(|config| config.pinhook.python.path = path);
    let plugin = entry(&folder.join("plugin.py"), "Say");
    let gateway = builder.api(hooked("say", &upstream, "pre", plugin)).start().await;
    assert_eq!(get(&gateway, "/say/").await.text(), "beside shared");
    std::fs::write(folder.join("vendored.py"), "word = 'changed '\n").unwrap();
    gateway.reload().await;
    assert_eq!(get(&gateway, "/say/").await.text(), "changed shared", "a file that it imports counts, too");
}
