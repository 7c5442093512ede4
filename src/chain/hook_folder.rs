//! Scripts that are found and not named: `<middleware_path>/<api_id>/{pre,auth,post_auth,post}/*.js` (plugins
//! reference 2.2).

use std::{fs, io, path::Path};

use crate::definition::{CustomMiddleware, HookEntry};

/// A script whose name ends so is given the session.
const WITH_SESSION: &str = "_with_session";

/// Adds what is in an API's folder to the lists of its definition. A folder that cannot be read becomes an entry that
/// cannot be loaded: nobody knows which gate its scripts would keep.
pub(super) fn add(custom: &mut CustomMiddleware, folder: &Path, complaints: &mut Vec<(String, String)>) {
    for (name, list) in
        [("pre", &mut custom.pre), ("post_auth", &mut custom.post_key_auth), ("post", &mut custom.post)]
    {
        list.extend(entries(&folder.join(name), complaints));
    }
    if let Some(last) = entries(&folder.join("auth"), complaints).pop() {
        custom.auth_check = last;
    }
}

/// The scripts of one folder, by name.
fn entries(folder: &Path, complaints: &mut Vec<(String, String)>) -> Vec<HookEntry> {
    let mut names = match names(folder) {
        Ok(names) => names,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Vec::new();
        }
        Err(error) => {
            let message = format!("{}: cannot be read: {error}", folder.display());
            complaints.push(("custom_middleware".to_owned(), message));
            return vec![entry("unreadable", folder)];
        }
    };
    names.sort_unstable();
    names.iter().map(|name| entry(name.split('.').next().unwrap_or_default(), &folder.join(name))).collect()
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for file in fs::read_dir(folder)? {
        let name = file?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".js") {
            names.push(name);
        }
    }
    Ok(names)
}

fn entry(name: &str, path: &Path) -> HookEntry {
    HookEntry {
        name: name.to_owned(),
        path: path.display().to_string(),
        require_session: name.ends_with(WITH_SESSION),
        ..HookEntry::default()
    }
}
