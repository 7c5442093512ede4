//! Names that `tyk://` addresses an API by.

/// The host of a `tyk://` URL as it is looked up: every run of anything but ASCII letters and digits becomes `-`.
pub fn loop_host(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_run = false;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !in_run {
            out.push('-');
        }
        in_run = !c.is_ascii_alphanumeric();
    }
    out
}

/// The loop name of an API called `name`: what stands before the character before the first `#` (names carry
/// categories as ` #category`), normalised like [`loop_host`]. To be compared ignoring ASCII case.
pub fn loop_name(name: &str) -> String {
    let Some((before, _)) = name.split_once('#') else { return loop_host(name) };
    let mut before = before.chars();
    before.next_back();
    loop_host(before.as_str())
}
