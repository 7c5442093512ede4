//! What OAuth keeps, per API (sessions reference 1.7).

/// Taken by the gateway that purges tokens; the others skip that round.
pub const PURGE_LOCK: &str = "oauth-purge-lock";

/// How all names begin that belong to an API.
pub const ALL: &str = "oauth-data.";

fn of(api_id: &str, family: &str, name: &str) -> String {
    [ALL, api_id, ".", family, name].concat()
}

/// A client.
pub fn client(api_id: &str, client: &str) -> String {
    of(api_id, "oauth-clientid.", client)
}

/// Items of this list name the clients of an organisation, as [`client_item`] writes them.
pub fn client_index(api_id: &str, org_id: &str) -> String {
    of(api_id, "oauth-client-index.", org_id)
}

/// The item of a client in [`client_index`].
pub fn client_item(client: &str) -> String {
    ["oauth-clientid.", client].concat()
}

/// The set of all clients, as JSON.
pub fn client_set(api_id: &str) -> String {
    of(api_id, "oauth-clientset.oauth-clientid.", "")
}

/// An authorization code.
pub fn code(api_id: &str, code: &str) -> String {
    of(api_id, "oauth-authorize.", code)
}

/// An access token, by its hash.
pub fn access(api_id: &str, hash: &str) -> String {
    of(api_id, "oauth-access.", hash)
}

/// A refresh token, as it stands.
pub fn refresh(api_id: &str, token: &str) -> String {
    of(api_id, "oauth-refresh.", token)
}

/// True for the names that [`client_tokens`] makes, of any API.
pub fn is_client_tokens(name: &str) -> bool {
    name.starts_with(ALL) && name.contains(".oauth-client-tokens.")
}

/// The hashes of a client's access tokens, by the unix time at which they end.
pub fn client_tokens(api_id: &str, client: &str) -> String {
    of(api_id, "oauth-client-tokens.", client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tyks() {
        for (name, expected) in [
            (client("a1", "cli"), "oauth-data.a1.oauth-clientid.cli"),
            (client_index("a1", "org1"), "oauth-data.a1.oauth-client-index.org1"),
            (client_item("cli"), "oauth-clientid.cli"),
            (client_set("a1"), "oauth-data.a1.oauth-clientset.oauth-clientid."),
            (code("a1", "c"), "oauth-data.a1.oauth-authorize.c"),
            (access("a1", "h"), "oauth-data.a1.oauth-access.h"),
            (refresh("a1", "r"), "oauth-data.a1.oauth-refresh.r"),
            (client_tokens("a1", "cli"), "oauth-data.a1.oauth-client-tokens.cli"),
        ] {
            assert_eq!(name, expected);
            assert_eq!(is_client_tokens(&name), name == client_tokens("a1", "cli"), "{name}");
        }
    }
}
