use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use regex::Regex;

use super::{
    credentials::{BodyPatterns, User},
    password::Passwords,
};
use crate::session::{BasicAuthData, hash::HashFunction};

fn read(credential: &str) -> Result<(String, String), (u16, String)> {
    match User::from_header(credential) {
        Ok(user) => Ok((user.name, user.password)),
        Err(denial) => Err((denial.status, denial.message.into_owned())),
    }
}

fn refused(text: &str) -> Result<(String, String), (u16, String)> {
    Err((400, format!("Attempted access with malformed header, {text}")))
}

#[test]
fn headers_of_every_form() {
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let user = |name: &str, password: &str| Ok((name.to_owned(), password.to_owned()));
    assert_eq!(read(&basic("u:p")), user("u", "p"));
    assert_eq!(read(&basic(":")), user("", ""));
    assert_eq!(read(&basic("u:p").replace("Basic", "Anything")), user("u", "p"));
    for text in ["Basic", "", "Basic a b", "Basic  dTpw"] {
        assert_eq!(read(text), refused("header not in basic auth format"), "{text:?}");
    }
    for text in ["Basic !!!", "Basic dTpwcA", "Bearer abc", "Basic "] {
        let expected = if text == "Basic " {
            refused("values not in basic auth format")
        } else {
            refused("auth data not encoded correctly")
        };
        assert_eq!(read(text), expected, "{text:?}");
    }
    for text in ["nocolon", "u:p:more"] {
        assert_eq!(read(&basic(text)), refused("values not in basic auth format"), "{text:?}");
    }
}

#[test]
fn bodies_of_every_form() {
    let patterns = |user: &str, password: &str| {
        BodyPatterns::of(Regex::new(user).unwrap(), Regex::new(password).unwrap())
    };
    let read = |patterns: &BodyPatterns, body: &str| match patterns.read(body) {
        Ok(user) => format!("{} {}", user.name, user.password),
        Err(denial) => {
            assert_eq!(denial.status, 400);
            denial.message.into_owned()
        }
    };
    let both = patterns("<u>(.*)</u>", "<p>(.*)</p>");
    assert_eq!(read(&both, "<u>me</u><p>it:is</p>"), "me it:is");
    assert_eq!(read(&both, "<p>x</p>"), "Body do not contain username");
    assert_eq!(read(&both, "<u>me</u>"), "Body do not contain password");
    assert_eq!(read(&patterns("<u>", "<p>"), "<u>"), "username should be inside regexp match group");
    assert_eq!(read(&patterns("<u>()", "<p>"), "<u><p>"), "password should be inside regexp match group");
}

fn stored(password: &str, hash_type: &str) -> BasicAuthData {
    let (password, hash_type) = (password.to_owned(), hash_type.to_owned());
    BasicAuthData { password, hash_type, ..BasicAuthData::default() }
}

#[tokio::test]
async fn passwords_of_every_hash_type() {
    let passwords = Passwords::new(Some(Duration::from_secs(60)), 1);
    let bcrypt = bcrypt::hash("s3cret", 4).unwrap();
    for (kept, hash_type) in [
        ("s3cret".to_owned(), ""),
        (HashFunction::Sha256.hex(b"s3cret"), "sha256"),
        (HashFunction::Murmur32.hex(b"s3cret"), "murmur32"),
        (HashFunction::Murmur64.hex(b"s3cret"), "murmur64"),
        (HashFunction::Murmur128.hex(b"s3cret"), "murmur128"),
        (bcrypt.clone(), "bcrypt"),
        (bcrypt, "what"),
    ] {
        let stored = stored(&kept, hash_type);
        assert!(passwords.check(&stored, "s3cret").await, "{hash_type}");
        for wrong in ["wrong!", "", "S3cret", &kept] {
            let right = hash_type.is_empty() && wrong == kept;
            assert_eq!(passwords.check(&stored, wrong).await, right, "{hash_type}: {wrong}");
        }
    }
}

#[tokio::test]
async fn an_empty_or_broken_hash_is_no_password() {
    let passwords = Passwords::new(None, 1);
    for kept in ["", "$2a$10$short", "s3cret"] {
        assert!(!passwords.check(&stored(kept, "bcrypt"), "s3cret").await, "{kept}");
        assert!(!passwords.check(&stored(kept, "sha256"), "s3cret").await, "{kept}");
    }
    // A key without a user's data has no password at all.
    assert!(!passwords.check(&stored("", ""), "").await);
}

#[tokio::test]
async fn what_was_right_stays_known_and_nothing_else() {
    let kept = stored(&bcrypt::hash("s3cret", 10).unwrap(), "bcrypt");
    let passwords = Passwords::new(Some(Duration::from_secs(60)), 1);
    assert!(!passwords.is_known(&kept.password, "s3cret"));
    assert!(passwords.check(&kept, "s3cret").await);
    assert!(passwords.is_known(&kept.password, "s3cret"));
    assert!(!passwords.check(&kept, "wrong").await);
    assert!(!passwords.is_known(&kept.password, "wrong"));
    assert!(passwords.is_known(&kept.password, "s3cret"), "a wrong one does not drive it out");

    let at_once = Passwords::new(Some(Duration::ZERO), 1);
    assert!(at_once.check(&kept, "s3cret").await);
    assert!(!at_once.is_known(&kept.password, "s3cret"));
}
