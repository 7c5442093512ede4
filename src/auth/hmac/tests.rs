use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue};

use super::{date, header::Signature, message, verify};

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
}

fn text(names: &[&str], lines: &[(&'static str, &'static str)]) -> String {
    String::from_utf8(message::of(names, "POST", "/hm1/p q", &headers(lines))).unwrap()
}

#[test]
fn headers_of_every_form() {
    let full = Signature::parse(
        r#"Signature keyId="k",algorithm="hmac-sha256",headers="(request-target) date",signature="a%3D""#,
    )
    .unwrap();
    assert_eq!(
        full,
        Signature {
            key_id: "k",
            algorithm: "hmac-sha256",
            headers: vec!["(request-target)", "date"],
            value: "a%3D"
        }
    );
    let short = Signature::parse(r#"signature KEYID="k", signature="YQ==""#).unwrap();
    assert_eq!((short.key_id, short.value, &*short.headers), ("k", "YQ==", &["date"][..]));
    assert!(Signature::parse(r#"keyId="k""#).is_some(), "the word may be missing");
    for text in ["", "Signature", r#"keyId="k",other="x""#, "keyId", r#"Bearer abc"#, r#"keyId="k","#] {
        assert_eq!(Signature::parse(text), None, "{text}");
    }
}

#[test]
fn the_text_that_is_signed() {
    let dated = ("date", "Mon, 02 Jan 2023 03:04:05 GMT");
    assert_eq!(text(&["date"], &[dated]), "date: Mon, 02 Jan 2023 03:04:05 GMT");
    assert_eq!(
        text(&["(request-target)", "X-A", "gone"], &[("x-a", " one "), ("x-a", "two")]),
        "(request-target): post /hm1/p q\nx-a: one\ngone: "
    );
    assert_eq!(text(&["date"], &[dated, ("x-aux-date", "now")]), "x-aux-date: now");
    assert_eq!(text(&["date"], &[]), ": ");
    assert_eq!(text(&["host"], &[("host", "h")]), "host: ");
}

#[test]
fn signatures_recorded_from_the_real_gateway() {
    let message = b"date: Mon, 02 Jan 2023 03:04:05 GMT";
    for (algorithm, given) in [
        ("hmac-sha1", "ulvK6OxGlkDLCt2tTfjedcL7ZxY%3D"),
        ("hmac-md5", "ulvK6OxGlkDLCt2tTfjedcL7ZxY%3D"),
        ("", "ulvK6OxGlkDLCt2tTfjedcL7ZxY%3d"),
        ("hmac-sha256", "L676gZecqipa8nmRlS2bxIQFOeUmzE1VXnCBh4EQbyg%3D"),
        ("hmac-sha384", "bUDOnPeHRi2zKVQoYkvuQK8hesBFkFczxkd%2fleWDkAwgBVRvAHi5h9457jc1pr29"),
        (
            "hmac-sha512",
            "oXj2LfPRFUhWEx7AhYa3ubCHGtZ%2Fl41M7490Kf0P%2BMMD59OxU%2BPi5BhLXYhjKva8MynpZ7z3%2BSP%2Fn%2Bi6vNITdA%3D%3D",
        ),
    ] {
        assert!(verify::hmac(algorithm, "hsecret", message, given), "{algorithm}");
        assert!(!verify::hmac(algorithm, "other", message, given), "{algorithm}");
        assert!(!verify::hmac(algorithm, "hsecret", b"date: ", given), "{algorithm}");
    }
    for given in ["", "ulvK6OxGlkDLCt2tTfjedcL7ZxY=", "ulvK6OxGlkDLCt2tTfjedcL7ZxY%", "é%c3"] {
        assert!(!verify::hmac("hmac-sha1", "hsecret", message, given), "{given}");
    }
}

/// The public half of a key that signed [`RSA_SIGNATURE`], made once with OpenSSL.
const RSA_KEY: &[&str] = &[
    "MIIBCgKCAQEA6LIZLBvdhjbgacu7OjELJa4QL8n9orXRrUnd4CgNipOXTTtHHDv++ScJVokDsWrNbq4yHVxmZfY9S98M4PGK",
    "GyNRhIWfnoBBK4RfniszXvlHNgB06kKpMFMIi8Gm0G5iNSCVPiv0i80R3UUdc50478DK05ijU5Z3PV39PJe0km1Z+dFRa0La",
    "+od2jcXzVe4c01oE+nkEJNKOXbz307ZtYJ3YzP7cNwzzzuiJ/Fg7WPSwulYeZ+kiSH9xJyjUttGB85+5SULXXHetJtcmmub7",
    "f5KT00S+CGrdYeBdthXnrRHPHkBBtLfLY6xXePgVR+8DcVS1s74Xjou/jLNmmz1RjwIDAQAB",
];

/// Over `date: Mon, 02 Jan 2023 03:04:05 GMT`.
const RSA_SIGNATURE: &[&str] = &[
    "ueTH2jXV5rFZpsEuCXgq6Ch0+tq+B3AYhby64VHolYgOKxxG7bP1LiGfh8cNyR3oukV/FqMpaM/mSfqvKo1f++u4gJrsh0J2",
    "srEEShJILdX5noxEgLVcwZnEVWIfvtgw4zBmaVHdhXR1qPrjcZXWM04fj0KCIFqC5pcZ6yZ0OAYSdyKw8vShXuFhx5zQCCkC",
    "EC+oQXLzQVEtOkdKAYdC6JW4oX5MXpqUiqJes5v/AkrOabshznHqnNaRdEpK4OqjYZZRqPtVuLKFpxvmU2QwBcgQzufFFU82",
    "P0LGSiy7OPFoYVYyaW7CckD2Gp2mOTqAm3JW9d1FuNOmUfRzzZITcg==",
];

#[test]
fn rsa_signatures() {
    let public = STANDARD.decode(RSA_KEY.concat()).unwrap();
    let given = RSA_SIGNATURE.concat();
    let message = b"date: Mon, 02 Jan 2023 03:04:05 GMT";
    assert!(verify::rsa(&public, message, &given));
    assert!(!verify::rsa(&public, b"date: Mon, 02 Jan 2023 03:04:06 GMT", &given));
    for given in ["", "!", "YQ==", &given.replace('=', "%3D")] {
        assert!(!verify::rsa(&public, message, given), "{given}");
    }
    assert!(!verify::rsa(b"no key", message, &given));
}

#[test]
fn dates_of_both_forms() {
    let at = |text: &str| date::parse(text).map(|time| time.timestamp());
    assert_eq!(at("Mon, 02 Jan 2023 03:04:05 GMT"), Some(1_672_628_645));
    assert_eq!(at("Mon, 02 Jan 2023 03:04:05 CEST"), Some(1_672_628_645));
    assert_eq!(at("Mon, 02 Jan 2023 03:04:05 +02"), Some(1_672_628_645 - 7200));
    assert_eq!(at("Mon, 02 Jan 2023 03:04:05 -07"), Some(1_672_628_645 + 7 * 3600));
    assert_eq!(at("Fri, 02 Jan 2023 03:04:05 GMT"), Some(1_672_628_645), "the day is not checked");
    for text in
        ["", "now", "Mon, 02 Jan 2023 03:04:05", "2023-01-02T03:04:05Z", "Xyz, 02 Jan 2023 03:04:05 GMT"]
    {
        assert_eq!(at(text), None, "{text}");
    }
}
