//! `/tyk/certs`: the certificate store (sessions reference 8.8).

use serde_json::{Value, json};

use super::{Call, Reply, reply};
use crate::{
    certificate::{AddError, Details, Entry, Name, split_id},
    gateway::ControlAnswer,
};

const NOT_FOUND: &str = "Certificate with given SHA256 fingerprint not found";

/// `POST certs`: keeps a certificate, perhaps with its private key, or a public key.
pub(super) fn add(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let vault = &call.gateway.snapshot().services.certificates;
        match vault.add(&call.request.body, &call.query("org_id")).await {
            Ok(id) => reply::json(200, &json!({"id": id, "status": "ok", "message": "Certificate added"})),
            Err(AddError::Refused(message)) => reply::error(403, &message),
            Err(AddError::Store(error)) => no_store(&error),
        }
    })
}

/// `GET certs`: the ids of an organisation's certificates; with `mode=detailed` what they say of themselves.
pub(super) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let vault = &call.gateway.snapshot().services.certificates;
        let ids = match vault.ids(&call.query("org_id")).await {
            Ok(ids) => ids,
            Err(error) => return no_store(&error),
        };
        if call.query("mode") != "detailed" {
            return reply::json(200, &json!({ "certs": ids }));
        }
        let mut certs = Vec::with_capacity(ids.len());
        for id in &ids {
            certs.extend(vault.get(id).await.map(|entry| brief(id, entry.details())));
        }
        reply::json(200, &json!({ "certs": certs }))
    })
}

/// `GET certs/{id}`: what one says of itself, or several whose ids are joined by commas.
pub(super) fn some(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let vault = &call.gateway.snapshot().services.certificates;
        let ids: Vec<&str> = call.id.split(',').collect();
        let mut found = Vec::with_capacity(ids.len());
        for id in &ids {
            found.extend(vault.get(id).await.map(|entry| whole(id, &entry)));
        }
        match found.as_slice() {
            [] => reply::error(404, NOT_FOUND),
            [one] if ids.len() == 1 => reply::json(200, one),
            all => reply::json(200, &all),
        }
    })
}

/// `DELETE certs/{id}`.
pub(super) fn delete(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let vault = &call.gateway.snapshot().services.certificates;
        let org_id = call.query("org_id");
        let org_id = if org_id.is_empty() {
            split_id(call.id).map(|(org_id, _)| org_id).unwrap_or_default()
        } else {
            &org_id
        };
        match vault.delete(call.id, org_id).await {
            Ok(()) => reply::message("removed"),
            Err(error) => no_store(&error),
        }
    })
}

fn no_store(error: &crate::error::Error) -> ControlAnswer {
    tracing::error!(error = error.chain(), "the certificate store did not answer");
    reply::error(500, "the certificate store did not answer")
}

fn brief(id: &str, details: &Details) -> Value {
    json!({
        "id": id,
        "issuer_cn": details.issuer.common_name,
        "subject_cn": details.subject.common_name,
        "dns_names": details.dns_names,
        "has_private": details.has_private,
        "not_before": time(details, details.not_before),
        "not_after": time(details, details.not_after),
        "is_ca": details.is_ca,
    })
}

fn whole(id: &str, entry: &Entry) -> Value {
    let details = entry.details();
    let mut meta = json!({
        "id": id,
        "fingerprint": entry.fingerprint(),
        "has_private": details.has_private,
        "issuer": name(&details.issuer),
        "subject": name(&details.subject),
        "not_before": time(details, details.not_before),
        "not_after": time(details, details.not_after),
        "is_ca": details.is_ca,
    });
    if let (false, Some(meta)) = (details.dns_names.is_empty(), meta.as_object_mut()) {
        meta.insert("dns_names".to_owned(), details.dns_names.clone().into());
    }
    meta
}

/// A public key has no times: Go prints its zero.
fn time(details: &Details, seconds: i64) -> String {
    if details.raw_names.is_some() { Details::time(seconds) } else { "0001-01-01T00:00:00Z".to_owned() }
}

/// A name as Go prints its `pkix.Name`.
fn name(name: &Name) -> Value {
    let all = |last: u64| {
        let texts = name.all(&[2, 5, 4, last]);
        if texts.is_empty() { Value::Null } else { texts.into() }
    };
    let parts: Vec<Value> =
        name.parts.iter().map(|(id, text)| json!({ "Type": id, "Value": text })).collect();
    json!({
        "Country": all(6),
        "Organization": all(10),
        "OrganizationalUnit": all(11),
        "Locality": all(7),
        "Province": all(8),
        "StreetAddress": all(9),
        "PostalCode": all(17),
        "SerialNumber": name.all(&[2, 5, 4, 5]).last().copied().unwrap_or_default(),
        "CommonName": name.common_name,
        "Names": if parts.is_empty() { Value::Null } else { parts.into() },
        "ExtraNames": null,
    })
}
