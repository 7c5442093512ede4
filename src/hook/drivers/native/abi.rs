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

/// The function of a library that is called after each reload, if it is there.
pub(super) const ON_RELOAD: &str = "pinhook_on_reload";

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
    /// This call has no such part, or the hook did not ask for it.
    Missing = -3,
    /// It would wait, and the hook says that it never does.
    Waits = -4,
    /// It was tried and failed; the log says why.
    Failed = -5,
}

/// What a call may have, so that its functions mean something.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// The running gateway.
    Gateway,
    /// The API that asks for the hook.
    Api,
    /// A request, its metadata and an answer of the hook's own.
    Request,
    /// A request that has not gone upstream.
    Unsent,
    /// The upstream's answer.
    Response,
    /// An analytics record.
    Record,
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

impl Argument for i64 {
    type Inside<'a> = Self;

    unsafe fn enter<'a>(self) -> Self::Inside<'a> {
        self
    }
}

/// Where a library wants a number to be put.
impl Argument for *mut i64 {
    type Inside<'a> = Option<&'a mut i64>;

    unsafe fn enter<'a>(self) -> Self::Inside<'a> {
        // SAFETY: the caller vouches for it; a null pointer becomes `None`.
        unsafe { self.as_mut() }
    }
}

/// What a function returns when its call lacks the part that it is about.
trait Missing {
    const MISSING: Self;
}

impl Missing for Str {
    const MISSING: Self = Self { data: std::ptr::null(), len: 0 };
}

impl Missing for i32 {
    const MISSING: Self = Refused::Missing as Self;
}

impl Missing for u32 {
    const MISSING: Self = 0;
}

impl Missing for usize {
    const MISSING: Self = 0;
}

impl Missing for () {
    const MISSING: Self = ();
}

/// How a result goes out.
trait Leave<T> {
    fn leave(self) -> T;
}

impl Leave<Str> for Option<&[u8]> {
    fn leave(self) -> Str {
        self.map_or(Str::MISSING, |text| Str { data: text.as_ptr(), len: text.len() })
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

impl Leave<i32> for Result<u32, Refused> {
    fn leave(self) -> i32 {
        match self {
            Ok(number) => i32::try_from(number).unwrap_or(Refused::Invalid as i32),
            Err(refused) => refused as i32,
        }
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

/// Writes the table and one entry per line, which calls the method of [`Call`] of that name if the call has the part
/// before the colon.
macro_rules! table {
    ($($part:ident: $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
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
                    if !call.has(Part::$part) {
                        return Missing::MISSING;
                    }
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
    Gateway: abi_version() -> u32;
    Gateway: gateway_version() -> Str;
    Gateway: log(level: u32, text: Str) -> ();
    Gateway: hook_kind() -> u32;
    Api: api_id() -> Str;
    Api: org_id() -> Str;
    Api: api_name() -> Str;
    Api: config_data() -> Str;
    Request: client_address() -> Str;
    Request: metadata(key: Str) -> Str;
    Request: set_metadata(key: Str, value: Str) -> i32;
    Request: remove_metadata(key: Str) -> i32;
    Request: method() -> Str;
    Unsent: set_method(method: Str) -> i32;
    Request: path() -> Str;
    Unsent: set_path(path: Str) -> i32;
    Request: raw_path() -> Str;
    Unsent: set_raw_path(path: Str) -> i32;
    Request: query() -> Str;
    Unsent: set_query(query: Str) -> i32;
    Request: request_target() -> Str;
    Unsent: set_request_target(target: Str) -> i32;
    Request: header(name: Str) -> Str;
    Request: header_count(name: Str) -> usize;
    Request: header_nth(name: Str, nth: usize) -> Str;
    Request: headers_len() -> usize;
    Request: header_name_at(index: usize) -> Str;
    Request: header_value_at(index: usize) -> Str;
    Unsent: set_header(name: Str, value: Str) -> i32;
    Unsent: add_header(name: Str, value: Str) -> i32;
    Unsent: remove_header(name: Str) -> i32;
    Unsent: set_target(url: Str) -> i32;
    Request: respond(status: u32) -> i32;
    Request: set_answer_header(name: Str, value: Str) -> i32;
    Request: add_answer_header(name: Str, value: Str) -> i32;
    Request: set_answer_body(body: Str) -> i32;
    // Younger than those above: a library asks for the table's size first.
    Request: request_body() -> Str;
    Unsent: set_request_body(body: Str) -> i32;
    Response: response_status() -> u32;
    Response: set_response_status(status: u32) -> i32;
    Response: response_header(name: Str) -> Str;
    Response: response_header_count(name: Str) -> usize;
    Response: response_header_nth(name: Str, nth: usize) -> Str;
    Response: response_headers_len() -> usize;
    Response: response_header_name_at(index: usize) -> Str;
    Response: response_header_value_at(index: usize) -> Str;
    Response: set_response_header(name: Str, value: Str) -> i32;
    Response: add_response_header(name: Str, value: Str) -> i32;
    Response: remove_response_header(name: Str) -> i32;
    Response: response_body() -> Str;
    Response: set_response_body(body: Str) -> i32;
    Record: record_text(name: Str) -> Str;
    Record: set_record_text(name: Str, value: Str) -> i32;
    Record: record_number(name: Str, number: *mut i64) -> i32;
    Record: set_record_number(name: Str, number: i64) -> i32;
    Record: record_tags_len() -> usize;
    Record: record_tag_at(index: usize) -> Str;
    Record: add_record_tag(tag: Str) -> i32;
    Record: remove_record_tag(tag: Str) -> i32;
    Request: session() -> Str;
    Unsent: set_session(json: Str) -> i32;
    Request: session_metadata(key: Str) -> Str;
    Unsent: set_session_metadata(key: Str, value: Str) -> i32;
    Unsent: remove_session_metadata(key: Str) -> i32;
    Gateway: call_begin(method: Str, url: Str) -> i32;
    Gateway: call_header(number: u32, name: Str, value: Str) -> i32;
    Gateway: call_body(number: u32, body: Str) -> i32;
    Gateway: call_timeout(number: u32, milliseconds: u32) -> i32;
    Gateway: call_all() -> i32;
    Gateway: reply_status(number: u32) -> u32;
    Gateway: reply_error(number: u32) -> Str;
    Gateway: reply_header(number: u32, name: Str) -> Str;
    Gateway: reply_headers_len(number: u32) -> usize;
    Gateway: reply_header_name_at(number: u32, index: usize) -> Str;
    Gateway: reply_header_value_at(number: u32, index: usize) -> Str;
    Gateway: reply_body(number: u32) -> Str;
    Gateway: store_data(key: Str, value: Str, ttl: i64) -> i32;
    Gateway: get_data(key: Str) -> Str;
    Gateway: trigger_event(name: Str, payload: Str) -> i32;
    Api: event() -> Str;
}
