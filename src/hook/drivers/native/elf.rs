//! A look at a library before it is opened: opening runs code, so what can be known from the file is asked there.

use object::{
    Architecture, Object, ObjectKind, ObjectSection, ObjectSymbol, SymbolKind,
    read::elf::{ElfFile, FileHeader},
};

use super::abi::ON_RELOAD;

/// Exported names that are not hooks.
const NO_HOOKS: [&str; 4] = ["pinhook_abi", ON_RELOAD, "_init", "_fini"];
/// Most names to suggest for a missing one.
const SUGGESTIONS: usize = 3;
/// Section that every Go linker writes.
const GO_BUILD_INFO: &str = ".go.buildinfo";
/// The module that every build of ours has, as that section says it.
const GO_WORKER: &[u8] = b"\ndep\tpinhook\t";

/// What a library exports, as its file says.
#[derive(Debug)]
pub(super) struct Exports {
    functions: Vec<String>,
    /// Name and size in bytes.
    data: Vec<(String, u64)>,
}

/// Checks that `content` is a native plugin for this machine.
///
/// # Errors
/// A text that says what it is instead.
pub(super) fn inspect(content: &[u8]) -> Result<Exports, String> {
    if !content.starts_with(b"\x7fELF") {
        return Err(format!("it is not an ELF library but {}", guess(content)));
    }
    // Class and byte order must be ours as well: a 32-bit or big-endian file is for another machine.
    match object::FileKind::parse(content) {
        Ok(object::FileKind::Elf64) => inspect_elf::<object::elf::FileHeader64<object::Endianness>>(content),
        Ok(_) => Err("it is an ELF file for 32 bits, this gateway has 64".to_owned()),
        Err(error) => Err(format!("its ELF header is broken: {error}")),
    }
}

fn inspect_elf<Elf: FileHeader<Endian = object::Endianness>>(content: &[u8]) -> Result<Exports, String> {
    let file =
        ElfFile::<Elf>::parse(content).map_err(|error| format!("its ELF header is broken: {error}"))?;
    let (theirs, ours) = (file.architecture(), machine());
    if theirs != ours || file.is_little_endian() != cfg!(target_endian = "little") {
        return Err(format!("it is built for {theirs:?}, this gateway runs on {ours:?}"));
    }
    refuse_go(&file)?;
    if file.kind() != ObjectKind::Dynamic {
        return Err(format!("it is no shared library (its ELF type is {:?})", file.kind()));
    }
    let exports = exports(&file);
    if !exports.has_function("pinhook_abi") {
        return Err(
            "it exports no `pinhook_abi` function, so it is no native plugin (docs/native-plugins.md)".into(),
        );
    }
    Ok(exports)
}

/// True for what `pinhook plugin build` makes of Go source: an executable that has our worker in it.
pub(in crate::hook::drivers) fn is_worker(content: &[u8]) -> bool {
    content.starts_with(b"\x7fELF")
        && ElfFile::<object::elf::FileHeader64<object::Endianness>>::parse(content).is_ok_and(|file| {
            memchr::memmem::find(build_info(&file).unwrap_or_default(), GO_WORKER).is_some()
        })
}

/// What Go's linker says of a build; nothing if it was not Go's.
fn build_info<'a, Elf: FileHeader<Endian = object::Endianness>>(file: &ElfFile<'a, Elf>) -> Option<&'a [u8]> {
    match file.section_by_name(GO_BUILD_INFO) {
        Some(section) => Some(section.data().unwrap_or_default()),
        None => file.section_by_name(".note.go.buildid").map(|_| &[][..]),
    }
}

/// Go's runtime cannot share a process safely with another one, and can never be unloaded.
fn refuse_go<Elf: FileHeader<Endian = object::Endianness>>(file: &ElfFile<'_, Elf>) -> Result<(), String> {
    let Some(info) = build_info(file) else { return Ok(()) };
    if memchr::memmem::find(info, b"-buildmode=plugin").is_some() {
        return Err(
            "it is a Go plugin (-buildmode=plugin), which fits one build of Tyk only; build its unchanged \
                    source with `pinhook plugin build` DIR"
                .to_owned(),
        );
    }
    Err("it was built by Go, whose runtime never runs inside the gateway; Go hooks run in a worker process: build \
         their source with `pinhook plugin build` DIR"
        .to_owned())
}

fn exports<Elf: FileHeader<Endian = object::Endianness>>(file: &ElfFile<'_, Elf>) -> Exports {
    let mut exports = Exports { functions: Vec::new(), data: Vec::new() };
    for symbol in file.dynamic_symbols().filter(|symbol| symbol.is_definition() && symbol.is_global()) {
        let Ok(name) = symbol.name() else { continue };
        match symbol.kind() {
            SymbolKind::Text => exports.functions.push(name.to_owned()),
            SymbolKind::Data => exports.data.push((name.to_owned(), symbol.size())),
            _ => {}
        }
    }
    exports
}

impl Exports {
    /// True if there is a function of that name.
    pub(super) fn has_function(&self, name: &str) -> bool {
        self.functions.iter().any(|function| function == name)
    }

    /// Checks that a hook of that name is there.
    ///
    /// # Errors
    /// A text with the exported names nearest to it.
    pub(super) fn require(&self, function: &str) -> Result<(), String> {
        if self.has_function(function) && !NO_HOOKS.contains(&function) {
            return Ok(());
        }
        let mut near: Vec<&str> =
            self.functions.iter().map(String::as_str).filter(|name| !NO_HOOKS.contains(name)).collect();
        near.sort_by_cached_key(|name| {
            (strsim::damerau_levenshtein(&name.to_lowercase(), &function.to_lowercase()), *name)
        });
        near.truncate(SUGGESTIONS);
        if near.is_empty() {
            return Err(format!("it exports no function {function:?} and no other hook"));
        }
        Err(format!("it exports no function {function:?}; the nearest it has: {}", near.join(", ")))
    }

    /// True if the flags of that hook are there.
    ///
    /// # Errors
    /// A text when the symbol cannot hold flags.
    pub(super) fn has_flags(&self, symbol: &str) -> Result<bool, String> {
        if self.has_function(symbol) {
            return Err(format!("its {symbol} is a function, but flags are a uint32_t"));
        }
        match self.data.iter().find(|(name, _)| name == symbol) {
            Some((_, size)) if *size != 4 => {
                Err(format!("its {symbol} has {size} bytes, but flags are a uint32_t"))
            }
            found => Ok(found.is_some()),
        }
    }
}

const fn machine() -> Architecture {
    if cfg!(target_arch = "x86_64") {
        Architecture::X86_64
    } else if cfg!(target_arch = "aarch64") {
        Architecture::Aarch64
    } else {
        Architecture::Unknown
    }
}

/// What a file is that people take for a library.
fn guess(content: &[u8]) -> &'static str {
    match content {
        [] => "empty",
        [b'M', b'Z', ..] => "a Windows file",
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => "a macOS file",
        [b'P', b'K', 3, 4, ..] => "a zip archive",
        [0, b'a', b's', b'm', ..] => "a WebAssembly module",
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', ..] => "a static library",
        _ if std::str::from_utf8(content).is_ok() => "a text",
        _ => "something else",
    }
}
