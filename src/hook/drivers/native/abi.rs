//! C ABI v1 in Rust terms: numbers, the string type, and the table that hooks are handed.
//!
//! `plugins/sdk/include/pinhook.h` is its published form: same order, same numbers. Entries are only ever appended;
//! libraries look at the size before they use an entry that is younger than they are.

use super::call::Call;

/// What `pinhook_abi` of a library must return.
pub(super) const ABI: u32 = 1;

/// Flag: the hook needs the whole request body.
pub(super) const REQUEST_BODY: u32 = 1;
/// Flag: the hook needs the whole response body.
pub(super) const RESPONSE_BODY: u32 = 2;
/// Flag: the hook never waits, so it may run on a worker thread.
pub(super) const NON_BLOCKING: u32 = 4;

/// A hook returned: the chain goes on.
pub(super) const NEXT: i32 = 0;
/// A hook returned: its answer ends the request.
pub(super) const RESPOND: i32 = 1;
/// A hook returned: its SDK caught a panic.
pub(super) const PANICKED: i32 = i32::MIN;

/// A hook as exported by a library. It must not unwind; should it do so all the same, `C-unwind` makes that an
/// abort with a message instead of undefined behaviour.
pub(super) type HookFn = unsafe extern "C-unwind" fn(*const Api, *mut Call<'_>) -> i32;
/// The function that names a library's ABI.
pub(super) type AbiFn = unsafe extern "C" fn() -> u32;

/// Why an edit was refused, as a number for the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum Refused {
    /// What was named does not exist.
    NotFound = -1,
    /// An argument is not what the function takes.
    Invalid = -2,
}

/// A text that crosses the border: not NUL-ended. A null pointer means "none".
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Str {
    data: *const u8,
    len: usize,
}

/// How an argument comes in.
trait Argument {
    type Inside<'a>;

    /// # Safety
    /// Pointers in it must be valid for the call.
    unsafe fn enter<'a>(self) -> Self::Inside<'a>;
}

impl Argument for Str {
    type Inside<'a> = &'a [u8];

    unsafe fn enter<'a>(self) -> &'a [u8] {
        if self.data.is_null() {
            return &[];
        }
        // SAFETY: the caller vouches for pointer and length.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

impl Argument for u32 {
    type Inside<'a> = Self;

    unsafe fn enter<'a>(self) -> Self::Inside<'a> {
        self
    }
}

impl Argument for usize {
    type Inside<'a> = Self;

    unsafe fn enter<'a>(self) -> Self::Inside<'a> {
        self
    }
}

/// How a result goes out.
trait Leave<T> {
    fn leave(self) -> T;
}

impl Leave<Str> for Option<&[u8]> {
    fn leave(self) -> Str {
        self.map_or(Str { data: std::ptr::null(), len: 0 }, |text| Str {
            data: text.as_ptr(),
            len: text.len(),
        })
    }
}

impl Leave<Str> for &str {
    fn leave(self) -> Str {
        Some(self.as_bytes()).leave()
    }
}

impl Leave<i32> for Result<(), Refused> {
    fn leave(self) -> i32 {
        self.map_or_else(|refused| refused as i32, |()| 0)
    }
}

impl Leave<u32> for u32 {
    fn leave(self) -> u32 {
        self
    }
}

impl Leave<usize> for usize {
    fn leave(self) -> usize {
        self
    }
}

impl Leave<()> for () {
    fn leave(self) {}
}

/// Writes the table and one entry per line, which calls the method of [`Call`] of that name.
macro_rules! table {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        /// `pinhook_api`.
        #[repr(C)]
        pub(super) struct Api {
            size: usize,
            $($name: unsafe extern "C" fn(*mut Call<'_>, $($type),*) -> $result,)*
        }

        /// The one table of this build.
        pub(super) static API: Api = Api {
            size: size_of::<Api>(),
            $($name: {
                unsafe extern "C" fn entry(call: *mut Call<'_>, $($argument: $type),*) -> $result {
                    // SAFETY: a hook passes on the object it was handed, during its call and from its thread
                    // only, and texts that are valid during this call: the contract of pinhook.h.
                    let call = unsafe { &mut *call };
                    $(
                        // SAFETY: as above.
                        let $argument = unsafe { $argument.enter() };
                    )*
                    Leave::<$result>::leave(call.$name($($argument),*))
                }
                entry
            },)*
        };
    };
}

table! {
    abi_version() -> u32;
    gateway_version() -> Str;
    log(level: u32, text: Str) -> ();
    hook_kind() -> u32;
    api_id() -> Str;
    org_id() -> Str;
    api_name() -> Str;
    config_data() -> Str;
    client_address() -> Str;
    metadata(key: Str) -> Str;
    set_metadata(key: Str, value: Str) -> i32;
    remove_metadata(key: Str) -> i32;
    method() -> Str;
    set_method(method: Str) -> i32;
    path() -> Str;
    set_path(path: Str) -> i32;
    raw_path() -> Str;
    set_raw_path(path: Str) -> i32;
    query() -> Str;
    set_query(query: Str) -> i32;
    request_target() -> Str;
    set_request_target(target: Str) -> i32;
    header(name: Str) -> Str;
    header_count(name: Str) -> usize;
    header_nth(name: Str, nth: usize) -> Str;
    headers_len() -> usize;
    header_name_at(index: usize) -> Str;
    header_value_at(index: usize) -> Str;
    set_header(name: Str, value: Str) -> i32;
    add_header(name: Str, value: Str) -> i32;
    remove_header(name: Str) -> i32;
    set_target(url: Str) -> i32;
    respond(status: u32) -> i32;
    set_answer_header(name: Str, value: Str) -> i32;
    add_answer_header(name: Str, value: Str) -> i32;
    set_answer_body(body: Str) -> i32;
}
