//! Opened libraries: a private copy of each content, opened once, never closed.
//!
//! A library is copied into a memfd before `dlopen`. So a file may be replaced in place while its code runs (the
//! mapping of the old one stays whole), and the new content is really loaded: by path, `dlopen` would hand out the
//! old code again. The descriptor stays open because the loader also compares names, and `/proc/self/fd/7` must not
//! come to mean another library. Nothing is ever closed: code may have started threads or left pointers behind.

use std::{
    collections::HashMap,
    fs::File,
    io::Write,
    mem::ManuallyDrop,
    os::fd::{AsRawFd, OwnedFd},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use libloading::os::unix::{Library as Handle, RTLD_LOCAL, RTLD_NOW};
use rustix::fs::{MemfdFlags, SealFlags};
use sha2::{Digest, Sha256};

use super::{
    abi::{ABI, AbiFn, HookFn, ON_RELOAD},
    elf::{self, Exports},
};

/// A library that was opened and speaks our ABI.
pub(super) struct Library {
    handle: ManuallyDrop<Handle>,
    exports: Exports,
    file: String,
    _copy: ManuallyDrop<OwnedFd>,
}

/// What came of opening a content: a library of another ABI stays open, too.
type Opened = Result<Arc<Library>, String>;

/// Every content this driver has opened.
#[derive(Default)]
pub(super) struct Libraries {
    opened: Mutex<HashMap<[u8; 32], Opened>>,
}

impl Libraries {
    /// The library with this content, opened at its first use.
    ///
    /// # Errors
    /// A text that says why it cannot be used.
    pub(super) fn open(&self, path: &Path, content: &[u8]) -> Opened {
        let hash: [u8; 32] = Sha256::digest(content).into();
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = opened.get(&hash) {
            return known.clone();
        }
        let exports = elf::inspect(content)?;
        let (handle, copy) = open_copy(path, content)?;
        let library = check_abi(&handle).map(|()| {
            Arc::new(Library {
                handle: ManuallyDrop::new(handle),
                exports,
                file: path.display().to_string(),
                _copy: ManuallyDrop::new(copy),
            })
        });
        opened.insert(hash, library.clone());
        library
    }

    /// Those that a hook still uses.
    pub(super) fn in_use(&self) -> Vec<Arc<Library>> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        // One reference is the list's own.
        opened.values().flatten().filter(|library| Arc::strong_count(library) > 1).cloned().collect()
    }

    /// How many copies are mapped.
    pub(super) fn len(&self) -> usize {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

fn open_copy(path: &Path, content: &[u8]) -> Result<(Handle, OwnedFd), String> {
    let name = path.file_name().unwrap_or_default();
    let copy =
        copy(name, content).map_err(|error| format!("no copy of it could be made in memory: {error}"))?;
    let alias = format!("/proc/self/fd/{}", copy.as_raw_fd());
    // SAFETY: running the constructors of a library that the definition names is what loading it means; docs say
    // that it is trusted code.
    let handle = unsafe { Handle::open(Some(&alias), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| format!("the system could not open it: {}", with_cause(&error)))?;
    Ok((handle, copy))
}

fn copy(name: &std::ffi::OsStr, content: &[u8]) -> std::io::Result<OwnedFd> {
    let mut file =
        File::from(rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    file.write_all(content)?;
    rustix::fs::fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL,
    )?;
    Ok(file.into())
}

fn check_abi(handle: &Handle) -> Result<(), String> {
    // SAFETY: `pinhook_abi` has this type by the contract of pinhook.h; the file says that it is a function.
    let abi = unsafe { handle.get::<AbiFn>("pinhook_abi").map(|function| function()) }
        .map_err(|error| with_cause(&error))?;
    if abi == ABI {
        return Ok(());
    }
    Err(format!("it is built for plugin ABI {abi}, this gateway speaks ABI {ABI}"))
}

impl Library {
    /// The file it was first opened from.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// What it wants called after each reload.
    pub(super) fn on_reload(&self) -> Option<HookFn> {
        if !self.exports.has_function(ON_RELOAD) {
            return None;
        }
        // SAFETY: the file says that this is a function, its library that it follows ABI v1; it is never unloaded.
        unsafe { self.handle.get::<HookFn>(ON_RELOAD).map(|function| *function) }.ok()
    }

    /// The hook of that name and its flags (0 if it has none).
    ///
    /// # Errors
    /// A text that says what is missing, with near names.
    pub(super) fn hook(&self, name: &str) -> Result<(HookFn, u32), String> {
        self.exports.require(name)?;
        let flags_name = format!("{name}_flags");
        let flags = if self.exports.has_flags(&flags_name)? {
            // SAFETY: the file says that this is data of four bytes.
            unsafe { self.handle.get::<*const u32>(&flags_name).map(|flags| flags.read_unaligned()) }
                .map_err(|error| with_cause(&error))?
        } else {
            0
        };
        // SAFETY: the file says that this is a function, its library that it follows ABI v1; it is never unloaded.
        let function = unsafe { self.handle.get::<HookFn>(name).map(|function| *function) }
            .map_err(|error| with_cause(&error))?;
        Ok((function, flags))
    }
}

fn with_cause(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
