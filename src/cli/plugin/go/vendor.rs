//! A plugin with vendor/: the stand-ins are shown to the go command in the place of what is vendored of Tyk.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use super::{Build, Overlay, module::Used};
use crate::error::Problem;

/// Shows the stand-ins in `vendor` and hides what is there of the modules that they stand for.
pub(super) fn show(
    vendor: &Path,
    used: &[Used],
    build: &Build<'_>,
    overlay: &mut Overlay,
) -> Result<(), Box<Problem>> {
    let failed = |error: io::Error| build.problem(format!("its vendor/ cannot be read: {error}"));
    let list = vendor.join("modules.txt");
    let mut text = without(&fs::read_to_string(&list).map_err(failed)?, used);
    for one in used {
        let home = vendor.join(one.stand_in.path);
        for file in files(&home).map_err(failed)? {
            overlay.insert(file, PathBuf::new());
        }
        let _ = writeln!(text, "# {} {}\n## explicit; go 1.21", one.stand_in.path, one.version);
        let mut packages = BTreeSet::new();
        for file in files(&one.folder).map_err(failed)? {
            let Ok(inside) = file.strip_prefix(&one.folder) else { continue };
            if inside.extension().is_none_or(|extension| extension != "go") {
                continue;
            }
            let package = inside.parent().filter(|parent| !parent.as_os_str().is_empty());
            packages.insert(match package {
                Some(parent) => format!("{}/{}", one.stand_in.path, parent.display()),
                None => one.stand_in.path.to_owned(),
            });
            overlay.insert(home.join(inside), file);
        }
        for package in packages {
            let _ = writeln!(text, "{package}");
        }
    }
    overlay.insert(list, build.write("modules.txt", &text)?);
    Ok(())
}

/// `modules.txt` without the paragraphs of these modules.
fn without(text: &str, used: &[Used]) -> String {
    let mut kept = String::new();
    let mut ours = false;
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("# ") {
            let path = head.split(' ').next().unwrap_or_default();
            ours = used.iter().any(|one| one.stand_in.path == path);
        }
        if !ours {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// All files below a folder; none if it is not there.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        match path.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}
