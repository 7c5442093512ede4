//! Definitions from a folder (api-definition reference 1.2 to 1.8): which files, what becomes of each, and every
//! problem on the way. A file that cannot be used never keeps the others from loading.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    ApiDefinition, Secrets, lint, listen_path_fault, normalise_listen_path, oas_twin, parse::is_oas,
    reading::read, substitute::is_reference, support, template_fault,
};
use crate::{error::Problem, url::Url};

/// A definition that can be served, and where it came from.
#[derive(Debug)]
pub struct Source {
    /// The definition, secrets filled in, listen path in its normal form.
    pub definition: Arc<ApiDefinition>,
    /// Its file.
    pub path: PathBuf,
    /// SHA-256 of what it was read from, secrets filled in: an unchanged API keeps its instance on a reload.
    pub checksum: [u8; 32],
    /// What was found in it, of any severity.
    pub problems: Vec<Problem>,
    /// A security setting cannot be honoured: every request has to be answered 500.
    pub refuses: bool,
    /// The OAS document as it was written, references to secrets and all; nothing where there is none.
    pub oas: Option<Arc<str>>,
    /// SHA-256 of the text alone, where nothing else decides what is made of it: no OAS half, no reference that is
    /// resolved after parsing.
    text: Option<[u8; 32]>,
}

impl Source {
    /// A definition that comes from no file, with its document where it was converted from one. References to secrets
    /// in it are not followed.
    ///
    /// # Errors
    /// Why it gives no API.
    pub fn unfiled(
        mut definition: ApiDefinition,
        oas: Option<Arc<str>>,
        place: &str,
    ) -> Result<Self, Vec<Problem>> {
        definition.proxy.listen_path = normalise_listen_path(&definition.proxy.listen_path);
        let mut faults = not_served(&definition, place, 0);
        if definition.is_oas && oas.is_none() {
            faults.push(Problem::error(place, "is_oas", "the OAS document is not there"));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut lint = lint(&definition, place);
        let document = oas.as_ref().and_then(|text| serde_json::from_str(text).ok());
        if let Some(document) = document {
            support::check_document(&document, place, &mut lint);
        }
        Ok(Self {
            definition: Arc::new(definition),
            path: PathBuf::from(place),
            checksum: [0; 32],
            problems: lint.problems,
            refuses: lint.refuses,
            oas,
            text: None,
        })
    }

    /// What stands for it over reloads.
    pub fn identity(&self) -> Identity {
        Identity::of(&self.definition, &self.path)
    }
}

/// What stands for a definition over reloads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// Its `api_id`.
    Id(String),
    /// Its file, because it has no id or could not be read.
    File(PathBuf),
}

impl Identity {
    /// A definition's id, or its file when it has none (decisions 1).
    pub fn of(definition: &ApiDefinition, file: &Path) -> Self {
        match definition.api_id.as_str() {
            "" => Self::File(file.to_owned()),
            id => Self::Id(id.to_owned()),
        }
    }
}

/// A file that gives no API now. Its last good version, if any, keeps running.
#[derive(Debug)]
pub struct Broken {
    /// The file.
    pub path: PathBuf,
    /// The `api_id`, if that much could be read.
    pub api_id: Option<String>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl Broken {
    /// What stands for it over reloads. A file stands for the definition that it gave last, unless the id of that
    /// one has since moved to another file.
    pub fn identity(&self) -> Identity {
        match &self.api_id {
            Some(id) if !id.is_empty() => Identity::Id(id.clone()),
            _ => Identity::File(self.path.clone()),
        }
    }
}

/// What a folder gave.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What can be served, in the order of file names.
    pub definitions: Vec<Arc<Source>>,
    /// What cannot.
    pub broken: Vec<Broken>,
    /// Problems of the folder itself.
    pub problems: Vec<Problem>,
}

impl Loaded {
    /// The folder itself could not be read, so nothing is known about any definition.
    pub fn unreadable(&self) -> bool {
        self.definitions.is_empty() && self.broken.is_empty() && !self.problems.is_empty()
    }

    /// Every problem, of the folder, of what is served and of what is not.
    pub fn all_problems(&self) -> impl Iterator<Item = &Problem> {
        let served = self.definitions.iter().flat_map(|source| &source.problems);
        let broken = self.broken.iter().flat_map(|broken| &broken.problems);
        self.problems.iter().chain(served).chain(broken)
    }
}

/// What loading has to know of the gateway.
pub struct LoadOptions<'a> {
    /// Values of secret references.
    pub secrets: Secrets<'a>,
    /// The gateway's own port, which a `tcp` service may not take.
    pub gateway_port: u16,
    /// What the last load read, by file: an unchanged text is neither parsed nor judged again.
    pub known: &'a HashMap<PathBuf, Arc<Source>>,
}

/// Loads every definition of a folder.
pub fn load_dir(folder: &Path, options: &LoadOptions<'_>) -> Loaded {
    let mut loaded = Loaded::default();
    let files = match json_files(folder) {
        Ok(files) => files,
        Err(error) => {
            let place = folder.display().to_string();
            loaded.problems.push(
                Problem::error(place, "", format!("cannot read the folder of definitions: {error}"))
                    .hint("app_path of the gateway config names it"),
            );
            return loaded;
        }
    };
    let mut owners: HashMap<String, PathBuf> = HashMap::new();
    for (number, path) in files.iter().filter(|path| !is_companion(path, &files)).enumerate() {
        give_way(number);
        match load_file(path, options) {
            Ok(source) => match owners.get(&source.definition.api_id) {
                Some(owner) => loaded.broken.push(duplicate(source, owner)),
                None => {
                    if !source.definition.api_id.is_empty() {
                        owners.insert(source.definition.api_id.clone(), path.clone());
                    }
                    loaded.definitions.push(source);
                }
            },
            Err(broken) => loaded.broken.push(broken),
        }
    }
    loaded
}

/// Lets a request that waits for this core go first, at every sixteenth of what a load works on: often enough that
/// none waits for the whole load, seldom enough that the load ends soon on a machine that is never idle.
pub fn give_way(number: usize) {
    if number.is_multiple_of(16) {
        std::thread::yield_now();
    }
}

/// Loads one definition file.
///
/// # Errors
/// It gives no API that could be routed; the value says why.
pub fn load_file(path: &Path, options: &LoadOptions<'_>) -> Result<Arc<Source>, Broken> {
    let place = path.display().to_string();
    let mut problems = Vec::new();
    let broken = |problems, api_id| Broken { path: path.to_owned(), api_id, problems };
    let raw = match read_text(path) {
        Ok(text) => text,
        Err(message) => return Err(broken(vec![Problem::error(&place, "", message)], None)),
    };
    let text = options.secrets.substitute(&raw, &place, &mut problems);
    let text_sum: [u8; 32] = Sha256::digest(&text).into();
    let known = options.known.get(path).filter(|known| known.text == Some(text_sum));
    if let Some(known) = known.filter(|_| problems.is_empty()) {
        return Ok(known.clone());
    }
    let mut read = match read(&text, &place) {
        Ok(read) => read,
        Err((faults, api_id)) => {
            problems.extend(faults);
            return Err(broken(problems, api_id));
        }
    };
    problems.append(&mut read.lint.problems);
    let proxy = &read.definition.proxy;
    let by_text = !read.definition.is_oas
        && problems.is_empty()
        && ![&proxy.listen_path, &proxy.target_url].iter().any(|text| is_reference(text));
    resolve(&mut read.definition, &options.secrets);
    let mut digest = Sha256::new();
    for part in [&text, &read.definition.proxy.listen_path, &read.definition.proxy.target_url] {
        digest.update(part.as_bytes());
    }
    let mut oas = read.is_document().then(|| Arc::from(raw));
    let mut faults = not_served(&read.definition, &place, options.gateway_port);
    if read.definition.is_oas && oas.is_none() {
        match oas_twin::read(path) {
            Ok((half, more)) => {
                digest.update(&half);
                read.lint.refuses |= more.refuses;
                problems.extend(more.problems);
                oas = Some(half.into());
            }
            Err(problem) => faults.push(problem),
        }
    }
    if !faults.is_empty() {
        read.locate(&mut faults);
        problems.extend(faults);
        return Err(broken(problems, Some(read.definition.api_id)));
    }
    let mut found = lint(&read.definition, &place);
    read.locate(&mut found.problems);
    problems.extend(found.problems);
    Ok(Arc::new(Source {
        definition: Arc::new(read.definition),
        path: path.to_owned(),
        checksum: digest.finalize().into(),
        problems,
        refuses: read.lint.refuses || found.refuses,
        oas,
        text: by_text.then_some(text_sum),
    }))
}

/// The JSON files of a folder, by name.
///
/// # Errors
/// The system's, where the folder cannot be read.
pub fn json_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file is the OAS or MCP half of another one. `files` is sorted.
fn is_companion(path: &Path, files: &[PathBuf]) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let base = name.strip_suffix("-oas.json").or_else(|| name.strip_suffix("-mcp.json"));
    let Some(base) = base else { return false };
    files.binary_search(&path.with_file_name(format!("{base}.json"))).is_ok()
        && fs::read(path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
            .is_some_and(|root| is_oas(|name| root.get(name)))
}

fn read_text(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot read the file: {error}"))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count() + 1;
        format!("the file is not UTF-8: the first bad byte is at offset {good}, line {line}")
    })
}

/// References in the two texts that are resolved once more, and the listen path's normal form.
fn resolve(definition: &mut ApiDefinition, secrets: &Secrets<'_>) {
    let proxy = &mut definition.proxy;
    for text in [&mut proxy.listen_path, &mut proxy.target_url] {
        if let Some(value) = secrets.resolve(text) {
            *text = value;
        }
    }
    proxy.listen_path = normalise_listen_path(&proxy.listen_path);
}

/// Why a definition cannot be routed at all.
fn not_served(definition: &ApiDefinition, place: &str, gateway_port: u16) -> Vec<Problem> {
    let mut faults = Vec::new();
    let mut fault = |path: &str, message: String| {
        faults.push(Problem::error(place, path, format!("{message}: this API is not served")));
    };
    let proxy = &definition.proxy;
    if matches!(definition.protocol.as_str(), "tcp" | "tls") {
        match definition.listen_port {
            0 => fault("listen_port", "missing listening port".into()),
            port if port == i64::from(gateway_port) => {
                fault("listen_port", format!("port {port} is the gateway's own"));
            }
            _ => fault("protocol", format!("{} services are not built yet", definition.protocol)),
        }
    } else if let Some(message) = listen_path_fault(&proxy.listen_path) {
        fault("proxy.listen_path", message);
    }
    if !(0..=65_535).contains(&definition.listen_port) {
        fault("listen_port", format!("{} is no port", definition.listen_port));
    }
    if let Err(error) = Url::parse(&proxy.target_url) {
        fault("proxy.target_url", format!("{:?} cannot be read: {error}", proxy.target_url));
    }
    if !definition.domain_disabled
        && let Some(message) = template_fault(&definition.domain)
    {
        fault("domain", message);
    }
    faults
}

fn duplicate(source: Arc<Source>, owner: &Path) -> Broken {
    let problem = Problem::error(
        source.path.display().to_string(),
        "api_id",
        format!(
            "{:?} is the id of {} already: that one is served, this one is not",
            source.definition.api_id,
            owner.display()
        ),
    );
    // Without the id: the last good version under that id is the owner's, not this file's.
    Broken { path: source.path.clone(), api_id: None, problems: vec![problem] }
}
