//! A plugin with vendor/: it is built in a copy whose vendor/ has the stand-ins in the place of what is vendored of Tyk.
//! An overlay would not do, as the go command reads `modules.txt` past it.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use super::module::Used;

/// Copies the module in `root` to `copy`, but for its vendor/, which is made of links to what is vendored and to the
/// stand-ins.
///
/// # Errors
/// A file that cannot be read or written.
pub(super) fn copy(root: &Path, copy: &Path, used: &[Used]) -> io::Result<()> {
    fs::create_dir_all(copy)?;
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        // Go leaves out what begins with a dot, too; go.mod is there already.
        if name != "vendor" && name != "go.mod" && !name.to_string_lossy().starts_with('.') {
            copy_all(&path, &copy.join(name))?;
        }
    }
    let (from, to) = (root.join("vendor"), copy.join("vendor"));
    let (mut text, modules) = without(&fs::read_to_string(from.join("modules.txt"))?, used);
    for module in &modules {
        link(&from.join(module), &to.join(module))?;
    }
    for one in used {
        link(&one.folder, &to.join(one.stand_in.path))?;
        let _ = writeln!(text, "# {} {}\n## explicit; go 1.21", one.stand_in.path, one.version);
        for package in packages(one)? {
            let _ = writeln!(text, "{package}");
        }
    }
    fs::write(to.join("modules.txt"), text)
}

/// `modules.txt` without the paragraphs of these modules, and the paths of the others that have files.
fn without(text: &str, used: &[Used]) -> (String, BTreeSet<String>) {
    let (mut kept, mut modules, mut ours, mut module) = (String::new(), BTreeSet::new(), false, "");
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("# ") {
            module = head.split(' ').next().unwrap_or_default();
            ours = used.iter().any(|one| one.stand_in.path == module);
        } else if !ours && !line.starts_with('#') {
            modules.insert(module.to_owned());
        }
        if !ours {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    (kept, modules)
}

/// A link, unless the module lies within one that is linked already.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        if parent.ancestors().any(Path::is_symlink) {
            return Ok(());
        }
        fs::create_dir_all(parent)?;
    }
    symlink(from, to)
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        copy_all(&path, &to.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

/// The packages of a stand-in.
fn packages(one: &Used) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(one.folder.join(&folder))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(folder.join(path.file_name().unwrap_or_default()));
            } else if path.extension().is_some_and(|extension| extension == "go") {
                found.insert(Path::new(one.stand_in.path).join(&folder).display().to_string());
            }
        }
    }
    Ok(found.into_iter().map(|package| package.trim_end_matches('/').to_owned()).collect())
}
