//! The C side: what `pinhook.h` says, in Rust's words. Same order, same numbers. [`crate::hooks!`] needs it to be
//! public; plugins use [`crate::Request`].

#![allow(missing_docs)]

use std::marker::PhantomData;

/// The ABI that this crate speaks.
pub const ABI: u32 = 1;

pub(crate) const NEXT: i32 = 0;
pub(crate) const RESPOND: i32 = 1;
pub(crate) const FAILED: i32 = -1;
pub(crate) const PANICKED: i32 = i32::MIN;

pub(crate) const RESPONSE: u32 = 4;
pub(crate) const ANALYTICS: u32 = 5;
pub(crate) const RELOAD: u32 = 6;

/// One request, on the gateway's side.
#[repr(C)]
pub struct Object {
    _opaque: [u8; 0],
    _not_send: PhantomData<*mut u8>,
}

/// A text that crosses the border.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Str {
    data: *const u8,
    len: usize,
}

impl Str {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr(), len: bytes.len() }
    }

    /// # Safety
    /// The text must come from the gateway and its field must stay as it is during `'a`.
    pub(crate) unsafe fn get<'a>(self) -> Option<&'a [u8]> {
        // SAFETY: a text of the gateway is a null pointer or a valid text, and the caller keeps it valid.
        (!self.data.is_null()).then(|| unsafe { std::slice::from_raw_parts(self.data, self.len) })
    }
}

type Get<R> = unsafe extern "C" fn(*mut Object) -> R;
type With<A, R> = unsafe extern "C" fn(*mut Object, A) -> R;
type With2<A, B, R> = unsafe extern "C" fn(*mut Object, A, B) -> R;
type With3<A, B, C, R> = unsafe extern "C" fn(*mut Object, A, B, C) -> R;

/// The table of the gateway's functions. That of an older gateway ends earlier, so it is only ever used through a
/// pointer, field by field.
#[repr(C)]
pub struct Api {
    pub size: usize,
    pub abi_version: Get<u32>,
    pub gateway_version: Get<Str>,
    pub log: With2<u32, Str, ()>,
    pub hook_kind: Get<u32>,
    pub api_id: Get<Str>,
    pub org_id: Get<Str>,
    pub api_name: Get<Str>,
    pub config_data: Get<Str>,
    pub client_address: Get<Str>,
    pub metadata: With<Str, Str>,
    pub set_metadata: With2<Str, Str, i32>,
    pub remove_metadata: With<Str, i32>,
    pub method: Get<Str>,
    pub set_method: With<Str, i32>,
    pub path: Get<Str>,
    pub set_path: With<Str, i32>,
    pub raw_path: Get<Str>,
    pub set_raw_path: With<Str, i32>,
    pub query: Get<Str>,
    pub set_query: With<Str, i32>,
    pub request_target: Get<Str>,
    pub set_request_target: With<Str, i32>,
    pub header: With<Str, Str>,
    pub header_count: With<Str, usize>,
    pub header_nth: With2<Str, usize, Str>,
    pub headers_len: Get<usize>,
    pub header_name_at: With<usize, Str>,
    pub header_value_at: With<usize, Str>,
    pub set_header: With2<Str, Str, i32>,
    pub add_header: With2<Str, Str, i32>,
    pub remove_header: With<Str, i32>,
    pub set_target: With<Str, i32>,
    pub respond: With<u32, i32>,
    pub set_answer_header: With2<Str, Str, i32>,
    pub add_answer_header: With2<Str, Str, i32>,
    pub set_answer_body: With<Str, i32>,
    pub request_body: Get<Str>,
    pub set_request_body: With<Str, i32>,
    pub response_status: Get<u32>,
    pub set_response_status: With<u32, i32>,
    pub response_header: With<Str, Str>,
    pub response_header_count: With<Str, usize>,
    pub response_header_nth: With2<Str, usize, Str>,
    pub response_headers_len: Get<usize>,
    pub response_header_name_at: With<usize, Str>,
    pub response_header_value_at: With<usize, Str>,
    pub set_response_header: With2<Str, Str, i32>,
    pub add_response_header: With2<Str, Str, i32>,
    pub remove_response_header: With<Str, i32>,
    pub response_body: Get<Str>,
    pub set_response_body: With<Str, i32>,
    pub record_text: With<Str, Str>,
    pub set_record_text: With2<Str, Str, i32>,
    pub record_number: With2<Str, *mut i64, i32>,
    pub set_record_number: With2<Str, i64, i32>,
    pub record_tags_len: Get<usize>,
    pub record_tag_at: With<usize, Str>,
    pub add_record_tag: With<Str, i32>,
    pub remove_record_tag: With<Str, i32>,
    pub session: Get<Str>,
    pub set_session: With<Str, i32>,
    pub session_metadata: With<Str, Str>,
    pub set_session_metadata: With2<Str, Str, i32>,
    pub remove_session_metadata: With<Str, i32>,
    pub call_begin: With2<Str, Str, i32>,
    pub call_header: With3<u32, Str, Str, i32>,
    pub call_body: With2<u32, Str, i32>,
    pub call_timeout: With2<u32, u32, i32>,
    pub call_all: Get<i32>,
    pub reply_status: With<u32, u32>,
    pub reply_error: With<u32, Str>,
    pub reply_header: With2<u32, Str, Str>,
    pub reply_headers_len: With<u32, usize>,
    pub reply_header_name_at: With2<u32, usize, Str>,
    pub reply_header_value_at: With2<u32, usize, Str>,
    pub reply_body: With<u32, Str>,
    pub store_data: With3<Str, Str, i64, i32>,
    pub get_data: With<Str, Str>,
    pub trigger_event: With2<Str, Str, i32>,
    pub event: Get<Str>,
}

/// What the gateway hands to one call.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub(crate) api: *const Api,
    pub(crate) object: *mut Object,
    _call: PhantomData<&'a mut Object>,
}

impl Call<'_> {
    /// # Safety
    /// Both must be what the gateway handed over, and its call must last as long as `'a`.
    pub(crate) unsafe fn new(api: *const Api, object: *mut Object) -> Self {
        Self { api, object, _call: PhantomData }
    }

    /// True if the gateway's table is long enough to hold the function at `offset`.
    pub(crate) fn has(self, offset: usize) -> bool {
        // SAFETY: every table begins with its size.
        unsafe { (*self.api).size >= offset + size_of::<Get<()>>() }
    }
}
