use std::{fs, path::Path, process::Command, sync::Arc};

use super::{
    Entry, Vault, fingerprint,
    pem::{self, Block},
    secret, split_id,
};
use crate::{
    config::{Config, Secret},
    store::{If, MemoryStore, Store, keys},
};

/// A certificate and its key, both PEM.
fn made(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

fn vault() -> (Vault, Arc<dyn Store>) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let config = Config { secret: Secret::new("s3cret"), ..Config::default() };
    (Vault::new(&config, store.clone()), store)
}

async fn refused(vault: &Vault, text: &str) -> String {
    match vault.add(text.as_bytes(), "org").await.unwrap_err() {
        super::AddError::Refused(message) => message,
        other => panic!("{other:?}"),
    }
}

fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn openssl_reads_our_encrypted_keys() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.pem");
    openssl(&["genrsa", "-traditional", "-out", plain.to_str().unwrap(), "2048"]);
    let key = pem::blocks(&fs::read(plain).unwrap()).remove(0);
    let mut block = secret::encrypt(&key.bytes, b"password").unwrap();
    assert_eq!(block.label, "ENCRYPTED PRIVATE KEY");
    // OpenSSL tells the form of a key by the label; Go does not.
    block.label.clone_from(&key.label);
    let file = folder.path().join("key.pem");
    fs::write(&file, block.print()).unwrap();
    let read = openssl(&["rsa", "-traditional", "-passin", "pass:password", "-in", file.to_str().unwrap()]);
    assert_eq!(pem::blocks(&read).remove(0).bytes, key.bytes);
}

#[test]
fn the_key_of_an_encrypted_block_is_openssls() {
    // openssl enc -aes-256-cbc -md md5 -P -pass pass:secret -S 0102030405060708
    let iv = [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    let told = openssl(&[
        "enc",
        "-aes-256-cbc",
        "-md",
        "md5",
        "-P",
        "-pass",
        "pass:secret",
        "-S",
        "0102030405060708",
    ]);
    let told = String::from_utf8(told).unwrap();
    let key = told.lines().find_map(|line| line.strip_prefix("key=")).unwrap().to_lowercase();
    let ours: String = secret::derive(b"secret", &iv).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(ours, key);
}

#[test]
fn pem_is_read_with_its_headers_and_printed_again() {
    let mut block = Block::new("X KEY", (0..100).collect());
    block.headers.push(("DEK-Info".into(), "AES-256-CBC,00".into()));
    let text = format!("before\n{}between\r\n{}", block.print(), Block::new("B", vec![1]).print());
    let read = pem::blocks(text.replace('\n', "\r\n").as_bytes());
    assert_eq!(read, [block, Block::new("B", vec![1])]);
    for broken in
        ["", "-----BEGIN A-----\nAAAA\n", "-----BEGIN A-----\n!!\n-----END A-----\n", "-----BEGIN A"]
    {
        assert!(pem::blocks(broken.as_bytes()).is_empty(), "{broken}");
    }
}

#[test]
fn ids_end_in_a_fingerprint() {
    let print = "ab".repeat(32);
    assert_eq!(split_id(&format!("org{print}")), Some(("org", &*print)));
    assert_eq!(split_id(&print), Some(("", &*print)));
    for path in ["", "ca.pem", &print[1..], &print.to_uppercase(), &format!("/etc/{print}"), "é"] {
        assert_eq!(split_id(path), None, "{path}");
    }
}

#[tokio::test]
async fn what_is_kept_has_tyks_form() {
    let (vault, store) = vault();
    let (certificate, key) = made("one.test");
    let der = pem::blocks(certificate.as_bytes()).remove(0).bytes;
    let id = vault.add(format!("{key}\n{certificate}").as_bytes(), "org").await.unwrap();
    assert_eq!(id, format!("org{}", fingerprint(&der)));
    let stored = store.get_many(&[&format!("cert-raw-{id}")]).await.unwrap().remove(0).unwrap();
    let stored = String::from_utf8(stored.to_vec()).unwrap();
    assert!(stored.starts_with("-----BEGIN CERTIFICATE-----\n"), "{stored}");
    assert!(
        stored.contains(
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,"
        )
    );
    assert!(!stored.contains("BEGIN PRIVATE KEY"));
    assert_eq!(store.list("cert-org-index").await.unwrap(), [format!("raw-{id}")]);
    let entry = vault.get(&id).await.unwrap();
    assert!(entry.details().has_private && entry.is_certificate());
    assert_eq!(entry.details().dns_names, ["one.test"]);
    let again = vault.add(certificate.as_bytes(), "org").await.unwrap_err();
    assert!(format!("{again:?}").contains(&format!("Certificate with {id} id already exists")));
    vault.delete(&id, "org").await.unwrap();
    assert!(vault.get(&id).await.is_none());
    assert!(store.list("cert-org-index").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_in_tyks_words() {
    let (vault, _) = vault();
    let (certificate, key) = made("one.test");
    let (_, other) = made("two.test");
    let public = Block::new("PUBLIC KEY", vec![0x30, 0]).print();
    for (text, message) in [
        ("nothing".to_owned(), "Failed to decode certificate. It should be PEM encoded."),
        (key.clone(), "Failed to decode certificate. It should be PEM encoded."),
        (format!("{certificate}{key}{key}"), "Found multiple private keys"),
        (format!("{certificate}{public}"), "Public keys can't be combined with certificates"),
        (format!("{certificate}{other}"), "tls: private key does not match public key"),
    ] {
        assert_eq!(refused(&vault, &text).await, message);
    }
    let broken = Block::new("CERTIFICATE", vec![1, 2, 3]).print();
    assert!(refused(&vault, &broken).await.starts_with("Error while parsing certificate: "));
    let mut old = rcgen::CertificateParams::new(["old.test".to_owned()]).unwrap();
    old.not_before = rcgen::date_time_ymd(2020, 1, 1);
    old.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let old = old.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    assert_eq!(refused(&vault, &old.pem()).await, "certificate is expired");
}

#[tokio::test]
async fn public_keys_are_kept_too() {
    let (vault, _) = vault();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/jwt/rsa.pub.pem");
    let id = vault.add(&fs::read(file).unwrap(), "org").await.unwrap();
    let entry = vault.get(&id).await.unwrap();
    assert!(!entry.is_certificate() && entry.rsa_key().is_some());
    assert!(entry.details().subject.common_name.starts_with("Public Key: "));
}

#[tokio::test]
async fn an_index_that_tyk_has_not_made_yet_is_made() {
    let (vault, store) = vault();
    let print = "ab".repeat(32);
    for org in ["org", "org2"] {
        store.set(&keys::certificate(&format!("{org}{print}")), b"x", None, If::Always).await.unwrap();
    }
    assert_eq!(vault.ids("org").await.unwrap(), [format!("org{print}")]);
    assert_eq!(store.list("cert-org-index").await.unwrap(), [format!("raw-org{print}")]);
    assert_eq!(vault.ids("org").await.unwrap().len(), 1);
    assert_eq!(vault.ids("").await.unwrap().len(), 2);
    assert!(vault.get(&format!("org{print}")).await.is_none(), "it is no certificate");
}

#[test]
fn details_are_read() {
    let made = rcgen::generate_simple_self_signed(["a.test".to_owned(), "b.test".to_owned()]).unwrap();
    let entry = Entry::read(made.cert.pem().as_bytes()).unwrap();
    assert_eq!(entry.details().dns_names, ["a.test", "b.test"]);
    assert_eq!(entry.details().subject.common_name, "rcgen self signed cert");
    assert!(!entry.details().is_ca && !entry.details().has_private && entry.rsa_key().is_none());
    assert_eq!(super::Details::time(1_700_000_000), "2023-11-14T22:13:20Z");
}
