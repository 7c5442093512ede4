//! Which clients the sockets ask for a certificate, as the APIs and the control API want it.

use std::{collections::HashMap, sync::Arc};

use super::{
    Gateway,
    tls::{Announced, Asked},
};
use crate::{
    auth,
    certificate::{AllowList, Vault},
    chain::Snapshot,
    config::Config,
    definition::ApiDefinition,
    error::Problem,
};

/// What one API, or the control API, asks of the clients of a name.
struct Wish {
    /// Lower-case host name; nothing for all names.
    name: Option<String>,
    /// Who may come in; nothing where that is not known beforehand.
    list: Option<AllowList>,
}

/// What the sockets for traffic and the socket for control alone ask.
pub(super) async fn asked(gateway: &Gateway, snapshot: &Snapshot) -> (Asked, Asked) {
    let config = gateway.config.clone();
    let wants: Vec<(Option<String>, Option<Vec<String>>)> =
        snapshot.apis.iter().filter_map(|api| want(&config, &api.definition)).collect();
    let read = tokio::task::spawn_blocking(move || {
        let wish = |(name, entries): (_, Option<Vec<String>>)| {
            let list = entries.map(|entries| read(&entries));
            Wish { name, list }
        };
        wants.into_iter().map(wish).collect::<Vec<_>>()
    });
    // Fails only where the runtime ends.
    let mut wishes = read.await.unwrap_or_default();
    let vault = &snapshot.services.certificates;
    let control = gateway.control_clients.as_ref().map(|list| Wish { name: None, list: Some(list.clone()) });
    let config = &gateway.config;
    match control {
        Some(wish) if config.control_api_port == 0 => {
            let name = config.control_api_hostname.to_ascii_lowercase();
            wishes.push(Wish { name: Some(name).filter(|name| !name.is_empty()), ..wish });
            (join(config, wishes, vault).await, Asked::default())
        }
        control => {
            let traffic = join(config, wishes, vault).await;
            (traffic, join(config, control.into_iter().collect(), vault).await)
        }
    }
}

/// Who may call the control API, where that is asked for.
pub(super) fn control_clients(config: &Config, problems: &mut Vec<Problem>) -> Option<AllowList> {
    if !config.security.control_api_use_mutual_tls {
        return None;
    }
    const PLACE: &str = "gateway config";
    if !config.http_server_options.use_ssl {
        let message = "there is no TLS, so every call of the control API is refused";
        let path = "security.control_api_use_mutual_tls";
        problems.push(Problem::warning(PLACE, path, message).hint("set http_server_options.use_ssl"));
    }
    let path = |index| format!("security.certificates.control_api[{index}]");
    let entries = config.security.certificates.control_api.iter().enumerate();
    Some(AllowList::read(entries.map(|(index, entry)| (entry, path(index))), PLACE, problems))
}

/// The name and the list of an API that looks at certificates; no list where keys decide.
fn want(config: &Config, definition: &ApiDefinition) -> Option<(Option<String>, Option<Vec<String>>)> {
    let by_key = !definition.use_keyless
        && auth::settings(definition, "authToken").1.is_some_and(|settings| settings.use_certificate);
    if !by_key && !definition.use_mutual_tls_auth {
        return None;
    }
    let announced = !by_key && !config.http_server_options.skip_client_ca_announcement;
    let entries = [&definition.client_certificates, &config.security.certificates.apis];
    Some((name(config, definition), announced.then(|| entries.into_iter().flatten().cloned().collect())))
}

/// The one host name of an API; nothing for one that answers to many.
fn name(config: &Config, definition: &ApiDefinition) -> Option<String> {
    if !config.enable_custom_domains || definition.domain_disabled {
        return None;
    }
    let name = definition.domain.split(':').next().unwrap_or_default();
    let is_name = !name.is_empty() && !name.contains(['{', '*']);
    is_name.then(|| name.to_ascii_lowercase())
}

/// What is wrong with an entry was said when its API was built.
fn read(entries: &[String]) -> AllowList {
    AllowList::read(entries.iter().map(|entry| (entry, String::new())), "", &mut Vec::new())
}

async fn join(config: &Config, wishes: Vec<Wish>, vault: &Vault) -> Asked {
    let (mut everybody, mut names): (Option<Option<Announced>>, HashMap<String, Option<Announced>>) =
        Default::default();
    for wish in wishes {
        let own = match wish.list {
            Some(list) if !config.http_server_options.skip_client_ca_announcement => {
                list.authorities(vault).await
            }
            _ => None,
        };
        match wish.name {
            Some(name) => add(names.entry(name).or_insert_with(|| Some(Vec::new())), own),
            None => add(everybody.get_or_insert_with(|| Some(Vec::new())), own),
        }
    }
    // An API for all names is there for each of them, too.
    if let Some(everybody) = &everybody {
        names.values_mut().for_each(|own| add(own, everybody.clone()));
    }
    Asked {
        everybody: everybody.map(Option::unwrap_or_default),
        names: names.into_iter().map(|(name, own)| (name, own.unwrap_or_default())).collect(),
    }
}

/// Joins announcements; one that is not known makes the whole unknown, which is announced as nothing.
fn add(all: &mut Option<Announced>, more: Option<Announced>) {
    *all = match (all.take(), more) {
        (Some(mut all), Some(more)) => {
            all.extend(more);
            all.sort();
            all.dedup();
            Some(all)
        }
        _ => None,
    };
}

/// The handshakes of a socket; a fault leaves it without questions, so that the APIs that need an answer refuse.
pub(super) fn handshakes(
    asked: &Asked,
    maker: &super::tls::TlsMaker,
    problems: &mut Vec<Problem>,
) -> Option<Arc<super::tls::Asking>> {
    super::tls::Asking::new(asked, maker).unwrap_or_else(|error| {
        let message = format!("clients cannot be asked for certificates: {error}");
        problems.push(Problem::error("listeners", "", message));
        None
    })
}
