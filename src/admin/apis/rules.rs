//! What a definition must not say when it comes through the control API (api-definition reference 10.3). Files are
//! loaded without these rules, as in Tyk.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::definition::ApiDefinition;

/// The first rule that a definition breaks.
pub(super) fn broken(definition: &ApiDefinition) -> Option<String> {
    credentials(definition)
        .or_else(|| addresses(definition))
        .or_else(|| timeouts(definition))
        .or_else(|| upstream_auth(definition))
        .or_else(|| targets(definition))
}

/// A method that is on has to look somewhere.
fn credentials(definition: &ApiDefinition) -> Option<String> {
    let on = |method: &str| match method {
        "authToken" => definition.use_standard_auth,
        "jwt" => definition.enable_jwt,
        "basic" => definition.use_basic_auth,
        "hmac" => definition.enable_signature_checking,
        "oauth" => definition.use_oauth2,
        "oidc" => definition.use_openid,
        "externalOAuth" => definition.external_oauth.enabled,
        "coprocess" => definition.enable_coprocess_auth || definition.custom_plugin_auth_enabled,
        _ => false,
    };
    let mut blind = definition
        .auth_configs
        .iter()
        .filter(|(method, wish)| on(method) && wish.disable_header && !wish.use_cookie && !wish.use_param);
    blind.next().map(|(method, _)| {
        format!(
            "all auth sources are disabled for {method}, at least one of header/cookie/query must be enabled"
        )
    })
}

fn addresses(definition: &ApiDefinition) -> Option<String> {
    let known = |text: &str| text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok();
    let mut unknown =
        definition.allowed_ips.iter().chain(&definition.blacklisted_ips).filter(|text| !known(text));
    unknown.next().map(|text| format!("invalid IP/CIDR {text:?}"))
}

fn timeouts(definition: &ApiDefinition) -> Option<String> {
    let mut entries =
        definition.version_data.versions.values().flat_map(|version| &version.extended_paths.hard_timeouts);
    entries.any(|entry| entry.timeout < 0).then(|| "invalid timeout value".to_owned())
}

fn upstream_auth(definition: &ApiDefinition) -> Option<String> {
    let auth = &definition.upstream_auth;
    let several = auth.enabled && auth.basic_auth.enabled && auth.oauth.enabled;
    several.then(|| "multiple upstream authentication modes not allowed".to_owned())
}

fn targets(definition: &ApiDefinition) -> Option<String> {
    let none = definition.proxy.enable_load_balancing && definition.proxy.target_list.is_empty();
    none.then(|| {
        "all load balancing targets have weight 0, at least one target must have weight > 0".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reason(definition: Value) -> Option<String> {
        broken(&serde_json::from_value(definition).unwrap())
    }

    #[test]
    fn each_rule_has_its_reason() {
        assert_eq!(reason(json!({})), None);
        let blind = json!({"authToken": {"disable_header": true}});
        assert_eq!(reason(json!({"auth_configs": blind})), None, "the method is off");
        let broken = [
            (
                json!({"auth_configs": blind, "use_standard_auth": true}),
                "all auth sources are disabled for authToken, at least one of header/cookie/query must be enabled",
            ),
            (json!({"allowed_ips": ["10.0.0.0/8", "::1", "10.0.0"]}), r#"invalid IP/CIDR "10.0.0""#),
            (json!({"blacklisted_ips": ["x"]}), r#"invalid IP/CIDR "x""#),
            (
                json!({"version_data": {"versions": {"v": {"extended_paths": {"hard_timeouts": [{"timeout": -1}]}}}}}),
                "invalid timeout value",
            ),
            (
                json!({"upstream_auth": {
                    "enabled": true, "basic_auth": {"enabled": true}, "oauth": {"enabled": true},
                }}),
                "multiple upstream authentication modes not allowed",
            ),
            (
                json!({"proxy": {"enable_load_balancing": true}}),
                "all load balancing targets have weight 0, at least one target must have weight > 0",
            ),
        ];
        for (definition, expected) in broken {
            assert_eq!(reason(definition).as_deref(), Some(expected));
        }
    }
}
