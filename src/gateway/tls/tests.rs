use std::path::Path;

use super::*;
use crate::error::Severity;

fn files(certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> CertificateFiles {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
    let (certificate, key) = (folder.join(certificate), folder.join(key));
    CertificateFiles { path: "http_server_options.certificates[0]".into(), certificate, key, name: None }
}

fn build(settings: &TlsSettings) -> (Option<Arc<TlsMaker>>, Vec<Problem>) {
    let mut problems = Vec::new();
    let built = settings.build(Arc::default(), "tyk.conf", "http_server_options", &mut problems);
    (built, problems)
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_the_reason() {
    let scratch = tempfile::tempdir().unwrap();
    let encrypted = scratch.path().join("encrypted.key");
    fs::write(
        &encrypted,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    let garbage = scratch.path().join("garbage.pem");
    fs::write(&garbage, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();

    for (certificate, key, expected) in [
        (Path::new("missing.pem"), Path::new("one.key"), "missing.pem cannot be read"),
        (Path::new("one.key"), Path::new("one.key"), "one.key holds no certificate"),
        (Path::new("one.pem"), Path::new("missing.key"), "missing.key cannot be read"),
        (Path::new("one.pem"), Path::new("one.pem"), "one.pem holds no usable private key"),
        (Path::new("one.pem"), Path::new("two.key"), "does not belong to"),
        (Path::new("one.pem"), &encrypted, "decrypt it"),
        (&garbage, Path::new("one.key"), "cannot be used"),
    ] {
        let mut problems = Vec::new();
        let loaded = Certificates::load("tyk.conf", &[files(certificate, key)], &mut problems);
        assert!(loaded.is_empty());
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        assert_eq!(problem.severity, Severity::Error);
        assert_eq!(problem.path, "http_server_options.certificates[0]");
        assert!(problem.to_string().contains(expected), "{problem}");
    }
}

#[test]
fn certificates_are_found_by_name() {
    let mut problems = Vec::new();
    let second = CertificateFiles { name: Some("Alias.test".into()), ..files("two.pem", "two.key") };
    let certificates = Certificates::load("tyk.conf", &[files("one.pem", "one.key"), second], &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    let (one, two) = (certificates.find("one.test").unwrap(), certificates.find("two.test").unwrap());
    assert!(!Arc::ptr_eq(&one, &two));
    for (name, expected) in [
        ("a.one.test", &one),
        ("a.b.one.test", &one), // Through the fallback, since a wildcard stands for one label.
        ("alias.test", &two),
        ("a.two.test", &one),
        ("unknown", &one),
    ] {
        assert!(Arc::ptr_eq(&certificates.find(name).unwrap(), expected), "{name}");
    }
}

#[test]
fn versions_below_1_2_and_odd_ranges_are_refused() {
    for (min, max, expected) in [
        (769, 0, Some("min_version: 769 is a version below TLS 1.2")),
        (0, 770, Some("max_version: 770 is a version below TLS 1.2")),
        (12, 0, Some("12 is no TLS version")),
        (772, 771, Some("min_version 772 is above max_version 771")),
        (0, 0, None),
        (771, 771, None),
        (772, 0, None),
    ] {
        let settings = TlsSettings { min_version: min, max_version: max, ..Default::default() };
        let (built, problems) = build(&settings);
        assert_eq!(built.is_some(), expected.is_none(), "{min} {max}");
        let text = problems.iter().map(ToString::to_string).collect::<String>();
        assert!(
            text.contains(expected.unwrap_or_default()) && (expected.is_some() || text.is_empty()),
            "{text}"
        );
    }
}

#[test]
fn cipher_suites_are_chosen_by_go_names() {
    let choose = |names: &[&str]| {
        let ciphers = names.iter().map(ToString::to_string).collect();
        let (built, problems) = build(&TlsSettings { ciphers, ..Default::default() });
        let suites = |maker: Arc<TlsMaker>| {
            let config = maker.config(None).unwrap();
            let suites = config.crypto_provider().cipher_suites.iter();
            suites.filter(|suite| suite.version() == &TLS12).map(|suite| suite.suite()).collect::<Vec<_>>()
        };
        (built.map(suites), problems)
    };
    use rustls::CipherSuite::*;
    let (suites, problems) = choose(&["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "TLS_AES_128_GCM_SHA256"]);
    assert_eq!(suites.unwrap(), [TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256]);
    assert!(problems.is_empty(), "{problems:?}");

    let (suites, problems) =
        choose(&["TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]);
    assert_eq!(suites.unwrap(), [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]);
    assert_eq!((problems.len(), problems[0].severity), (1, Severity::Warning));
    assert_eq!(problems[0].path, "http_server_options.ssl_ciphers[0]");

    let (suites, problems) = choose(&["TLS_RSA_WITH_AES_128_CBC_SHA"]);
    assert!(suites.is_none(), "not replaced by other suites");
    assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
}
