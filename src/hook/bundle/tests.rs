use std::{fs::File, io::Write, path::PathBuf};

use tempfile::TempDir;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;

/// A place to fetch from and a place to keep.
struct Place {
    folder: TempDir,
    bundles: Bundles,
}

impl Place {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            middleware_path: folder.path().join("middleware").display().to_string(),
            bundle_base_url: format!("file://{}", folder.path().display()),
            enable_bundle_downloader: true,
            ..Config::default()
        };
        change(&mut config);
        let bundles = Bundles::new(&config, Arc::default());
        Self { folder, bundles }
    }

    fn offer(&self, name: &str, files: &[(&str, &str)]) {
        let mut zip = ZipWriter::new(File::create(self.folder.path().join(name)).unwrap());
        for (name, text) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
    }

    fn kept(&self) -> Vec<PathBuf> {
        let found = fs::read_dir(self.folder.path().join("middleware/bundles"));
        found.map(|all| all.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
    }
}

fn manifest(checksum: &str, more: &str) -> String {
    format!(
        r#"{{"file_list": ["a.py", "b.py"], "custom_middleware": {{"driver": "python", "pre": [{{"name": "F"}}],
        "traffic_logs": {{"name": "", "path": ""}}, "id_extractor": null}}, "checksum": "{checksum}"{more}}}"#
    )
}

const SUM: &str = "c3fcd3d76192e4007dfb496cca67e13b";
const FILES: [(&str, &str); 2] = [("a.py", "abcdefghijklm"), ("b.py", "nopqrstuvwxyz")];

#[test]
fn a_bundle_is_fetched_once_and_kept_under_the_hash_of_its_name() {
    let place = Place::new(|_| {});
    place.offer("one.zip", &[FILES[0], FILES[1], ("manifest.json", &manifest(SUM, ""))]);
    let bundle = place.bundles.open("one.zip").unwrap();
    assert_eq!(bundle.folder.file_name().unwrap().to_str().unwrap(), hash("one.zip"));
    assert_eq!(bundle.manifest.custom_middleware.pre[0].name, "F");
    assert_eq!(fs::read_to_string(bundle.folder.join("a.py")).unwrap(), "abcdefghijklm");
    fs::remove_file(place.folder.path().join("one.zip")).unwrap();
    assert_eq!(place.bundles.open("one.zip").unwrap().folder, bundle.folder);
}

#[test]
fn what_fails_its_checks_leaves_nothing_behind() {
    let place = Place::new(|_| {});
    place.offer("bad.zip", &[FILES[0], FILES[1], ("manifest.json", &manifest("00", ""))]);
    place.offer("lost.zip", &[FILES[0], ("manifest.json", &manifest(SUM, ""))]);
    place.offer("none.zip", &FILES);
    place.offer("out.zip", &[("../../evil.py", "x"), ("manifest.json", &manifest(SUM, ""))]);
    fs::write(place.folder.path().join("text.zip"), "no zip").unwrap();
    for (name, why) in [
        ("bad.zip", "invalid checksum"),
        ("lost.zip", "b.py"),
        ("none.zip", "manifest.json"),
        ("out.zip", "invalid file path in archive"),
        ("text.zip", "could not be unpacked"),
        ("gone.zip", "could not be fetched"),
    ] {
        let error = place.bundles.open(name).unwrap_err().to_string();
        assert!(error.contains(why), "{name}: {error}");
        assert_eq!(place.kept(), Vec::<PathBuf>::new(), "{name}");
    }
}

#[test]
fn a_folder_on_disk_serves_without_the_downloader() {
    let place = Place::new(|config| config.enable_bundle_downloader = false);
    assert!(matches!(place.bundles.open("one.zip"), Err(BundleError::NotThere { .. })));
    let folder = place.folder.path().join("middleware/bundles").join(hash("one.zip"));
    fs::create_dir_all(&folder).unwrap();
    // Not signed and there already: not checked again, as in Tyk.
    fs::write(folder.join("manifest.json"), manifest("00", "")).unwrap();
    assert_eq!(place.bundles.open("one.zip").unwrap().folder, folder);
    // Signed: it is.
    fs::write(folder.join("manifest.json"), manifest("00", r#", "signature": "aGk=""#)).unwrap();
    for (name, text) in FILES {
        fs::write(folder.join(name), text).unwrap();
    }
    assert!(matches!(place.bundles.open("one.zip"), Err(BundleError::Checksum { .. })));
}

#[test]
fn with_a_public_key_a_fresh_bundle_has_to_be_signed() {
    let place = Place::new(|config| config.public_key_path = "/nowhere/key.pem".to_owned());
    place.offer("one.zip", &[FILES[0], FILES[1], ("manifest.json", &manifest(SUM, ""))]);
    assert!(matches!(place.bundles.open("one.zip"), Err(BundleError::Unsigned)));
    place.offer(
        "two.zip",
        &[FILES[0], FILES[1], ("manifest.json", &manifest(SUM, r#", "signature": "aGk=""#))],
    );
    assert!(matches!(place.bundles.open("two.zip"), Err(BundleError::Signature)));
}

#[test]
fn lists_and_a_missing_base_are_refused() {
    assert!(matches!(Place::new(|_| {}).bundles.open("a.zip,b.zip"), Err(BundleError::Several)));
    let place = Place::new(|config| config.bundle_base_url.clear());
    assert!(matches!(place.bundles.open("a.zip"), Err(BundleError::NoBaseUrl)));
}
