use std::{
    io::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::*;
use crate::{
    config::{Config, Secret},
    store::{MemoryStore, Store as _},
};

const SECRET: &str = "golden-node-secret";

fn config() -> Config {
    let mut config = Config::built_in();
    config.node_secret = Secret::new(SECRET);
    config
}

fn notices(config: &Config) -> Notices {
    let mut problems = Vec::new();
    let notices = Notices::new(config, Arc::new(MemoryStore::default()), &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    notices
}

fn notice(command: Command, payload: &str) -> Notice {
    Notice { command, payload: payload.to_owned() }
}

/// What the real gateway sent (reference/golden/analytics/notifications.json).
const RECORDED: [&str; 2] = [
    r#"{"command":"KeySpaceUpdateNotification","payload":"org-golden676a7afb25ff4a73bf993471ec77bc09","signature":"38cbaf62098819a315377498b0f2654be4f7519a919242046850b849faaf1adf","algorithm":5}"#,
    r#"{"command":"GroupReload","payload":"","signature":"0517c2265bde0b7f344c6b70fb37874a94ece967a333bb9b5c0bf32ad52ea75e","algorithm":5}"#,
];

#[test]
fn recorded_messages_are_read_and_written_alike() {
    let notices = notices(&config());
    let expected = [
        notice(Command::KeySpaceUpdate, "org-golden676a7afb25ff4a73bf993471ec77bc09"),
        notice(Command::GroupReload, ""),
    ];
    for (text, expected) in RECORDED.iter().zip(expected) {
        assert_eq!(notices.encode(&expected.command, &expected.payload), *text);
        assert_eq!(notices.read(text.as_bytes()), Ok(expected));
    }
}

#[test]
fn another_secret_payload_or_command_is_refused() {
    let mut other = config();
    other.node_secret = Secret::new("another");
    assert_eq!(notices(&other).read(RECORDED[1].as_bytes()), Err(Refused::OtherSecret));

    let ours = notices(&config());
    for forged in [
        RECORDED[1].replace("GroupReload", "ApiUpdated"),
        RECORDED[1].replace(r#""payload":"""#, r#""payload":"x""#),
        RECORDED[1].replace("0517", "0518"),
        RECORDED[1].replace("0517", ""),
    ] {
        assert_eq!(ours.read(forged.as_bytes()), Err(Refused::OtherSecret), "{forged}");
    }
}

#[test]
fn an_unsigned_message_needs_trust() {
    let unsigned = r#"{"command":"GroupReload","payload":"x"}"#;
    assert_eq!(notices(&config()).read(unsigned.as_bytes()), Err(Refused::Unsigned));
    let mut trusting = config();
    trusting.allow_insecure_configs = true;
    let trusting = notices(&trusting);
    assert_eq!(trusting.read(unsigned.as_bytes()), Ok(notice(Command::GroupReload, "x")));
    let forged = RECORDED[1].replace("0517", "0518");
    assert_eq!(trusting.read(forged.as_bytes()), Ok(notice(Command::GroupReload, "")));
}

#[test]
fn names_of_members_have_any_case_and_unknown_commands_a_name() {
    let mut trusting = config();
    trusting.allow_insecure_configs = true;
    let notices = notices(&trusting);
    let text = br#"{"Command":"UserKeyReset","PAYLOAD":"a","Signature":null,"more":1}"#;
    assert_eq!(notices.read(text), Ok(notice(Command::Other("UserKeyReset".to_owned()), "a")));
}

#[test]
fn what_is_no_message_is_refused() {
    let notices = notices(&config());
    for text in ["", "{", "[]", "null", "1", r#"{"command":1}"#, r#"{"algorithm":"5"}"#, "\u{0}"] {
        assert_eq!(notices.read(text.as_bytes()), Err(Refused::Malformed), "{text}");
    }
    assert_eq!(notices.read(&[0xff, 0xfe]), Err(Refused::Malformed));
    assert_eq!(notices.read(b"{}"), Err(Refused::Unsigned));
}

/// Made once with `openssl genrsa 2048`, signing the payload `reload` by `openssl dgst -sha256 -sign`.
const PUBLIC_KEY: &str = include_str!("tests/public.pem");
const SIGNATURE: &str = include_str!("tests/signature.base64");

fn with_key(pem: &str) -> (Config, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    let mut config = config();
    config.public_key_path = file.path().display().to_string();
    (config, file)
}

#[test]
fn a_signature_is_checked_with_the_public_key() {
    let (config, _file) = with_key(PUBLIC_KEY);
    let notices = notices(&config);
    let message = |payload: &str, signature: &str| {
        json!({"command": "ApiUpdated", "payload": payload, "signature": signature}).to_string()
    };
    let signed = message("reload", SIGNATURE.trim());
    assert_eq!(notices.read(signed.as_bytes()), Ok(notice(Command::ApiUpdated, "reload")));
    let other = STANDARD.encode([7; 256]);
    for (payload, signature) in
        [("other", SIGNATURE.trim()), ("reload", other.as_str()), ("reload", ""), ("reload", "no base64!")]
    {
        let text = message(payload, signature);
        assert_eq!(notices.read(text.as_bytes()), Err(Refused::BadSignature), "{text}");
    }
    assert!(notices.read(RECORDED[1].as_bytes()).is_ok(), "the secret still counts");
}

#[test]
fn a_public_key_that_is_none_is_reported_and_opens_nothing() {
    let ec = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n\
        q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n\
        -----END PUBLIC KEY-----\n";
    for (pem, expected) in [("nothing", "no PEM block"), (ec, "no RSA key")] {
        let (config, file) = with_key(pem);
        let mut problems = Vec::new();
        let notices = Notices::new(&config, Arc::new(MemoryStore::default()), &mut problems);
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        assert_eq!(problem.path, "public_key_path");
        assert!(problem.message.contains(expected), "{}", problem.message);
        assert!(problem.message.contains(&file.path().display().to_string()));
        let unsigned = br#"{"command":"GroupReload","payload":"x"}"#;
        assert_eq!(notices.read(unsigned), Err(Refused::Unsigned));
    }
}

#[tokio::test]
async fn what_is_published_arrives_and_is_trusted() {
    let store = Arc::new(MemoryStore::default());
    let notices = Notices::new(&config(), store.clone(), &mut Vec::new());
    let mut heard = store.subscribe(CHANNEL).await.unwrap();
    notices.publish(&Command::KeySpaceUpdate, "a,\"b\"").await.unwrap();
    let message = heard.recv().await.unwrap();
    assert_eq!(notices.read(&message), Ok(notice(Command::KeySpaceUpdate, "a,\"b\"")));
}

fn alive(id: &str, tags: &str) -> String {
    json!({"HostName": "h", "ID": id, "LoadPerSec": 7, "Percentage": 50, "TagHash": tags}).to_string()
}

#[test]
fn members_are_counted_once_this_gateway_heard_itself() {
    let members = Members::new(&config());
    let start = Instant::now();
    assert_eq!(members.count(), 1);
    members.hear_at(&alive("other", ""), start);
    assert_eq!(members.count(), 1, "not yet heard by itself");
    members.hear_at(&members.message(), start);
    assert_eq!(members.count(), 2);
    members.hear_at(&alive("other", ""), start);
    members.hear_at(&alive("third", "eu"), start);
    for nonsense in ["", "{", "[]", r#"{"ID":5}"#, "{}"] {
        members.hear_at(nonsense, start);
    }
    assert_eq!(members.count(), 2, "twice the same, another tag, nonsense");
}

#[test]
fn members_live_four_seconds() {
    let members = Members::new(&config());
    let start = Instant::now();
    let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
    members.hear_at(&members.message(), at(0.0));
    members.hear_at(&alive("other", ""), at(0.0));
    members.hear_at(&members.message(), at(3.0));
    members.forget_at(at(3.9));
    assert_eq!(members.count(), 2);
    members.forget_at(at(4.1));
    assert_eq!(members.count(), 1, "the other fell silent");
    members.forget_at(at(60.0));
    assert_eq!(members.count(), 1, "never 0");
}

#[test]
fn tags_and_pauses_come_from_the_config() {
    let mut config = config();
    config.db_app_conf_options.tags = vec!["eu".to_owned(), "edge".to_owned()];
    config.db_app_conf_options.node_is_segmented = true;
    config.drl_notification_frequency = 3;
    let members = Members::new(&config);
    let message: Value = serde_json::from_str(&members.message()).unwrap();
    assert_eq!((&message["TagHash"], &message["ID"]), (&json!("euedge"), &json!(members.id())));
    assert!(members.id().starts_with("solo-"));
    assert_eq!(members.every(), Some(Duration::from_secs(3)));

    let off: [fn(&mut Config); 4] = [
        |config| config.management_node = true,
        |config| config.enable_redis_rolling_limiter = true,
        |config| config.enable_fixed_window_rate_limiter = true,
        |config| config.enable_sentinel_rate_limiter = true,
    ];
    for off in off {
        let mut config = Config::built_in();
        off(&mut config);
        assert_eq!(Members::new(&config).every(), None);
    }
}
