//! `TykMakeHttpRequest` and `TykBatchRequest`: texts in, texts out (plugins reference 6.6).

use std::collections::BTreeMap;

use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};

use super::GatewayApi;
use crate::{
    hook::{
        Ask,
        host::{add, method, shown},
    },
    upstream::{Call, Reply},
};

/// The agent that Tyk's requests name: Go's.
const AGENT: HeaderValue = HeaderValue::from_static("Go-http-client/1.1");

/// Texts by name, as Go reads them: `null` is none.
type Texts = Option<BTreeMap<String, Option<String>>>;

/// What `TykMakeHttpRequest` takes. Go does not mind the case of names.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Wanted {
    #[serde(alias = "method")]
    method: Option<String>,
    #[serde(alias = "body")]
    body: Option<String>,
    #[serde(alias = "headers")]
    headers: Texts,
    #[serde(alias = "domain")]
    domain: Option<String>,
    #[serde(alias = "resource")]
    resource: Option<String>,
    #[serde(alias = "formData", alias = "formdata", alias = "form_data")]
    form_data: Texts,
}

/// What it gives; the lower case copies are for scripts that read batch replies, too.
#[derive(Serialize)]
struct Got<'a> {
    #[serde(rename = "Code")]
    code: u16,
    #[serde(rename = "Body")]
    body: &'a str,
    #[serde(rename = "Headers")]
    headers: &'a BTreeMap<String, Vec<String>>,
    #[serde(rename = "code")]
    same_code: u16,
    #[serde(rename = "body")]
    same_body: &'a str,
    #[serde(rename = "headers")]
    same_headers: &'a BTreeMap<String, Vec<String>>,
}

/// What `TykBatchRequest` takes.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Batch {
    requests: Option<Vec<Unit>>,
    suppress_parallel_execution: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Unit {
    method: Option<String>,
    headers: Texts,
    body: Option<String>,
    relative_url: Option<String>,
}

/// What it gives per request; one that failed is all empty, as in Tyk.
#[derive(Default, Serialize)]
struct UnitReply {
    relative_url: String,
    code: u16,
    headers: Option<BTreeMap<String, Vec<String>>>,
    body: String,
}

/// The two functions for one run.
pub(super) struct Requests<'a>(&'a GatewayApi);

impl GatewayApi {
    pub(super) fn requests(&self) -> Requests<'_> {
        Requests(self)
    }
}

impl Requests<'_> {
    pub(super) fn one(&self, text: &str) -> Result<Option<String>, String> {
        let call = match serde_json::from_str::<Wanted>(text).map_err(|error| error.to_string()) {
            Ok(wanted) => self.wanted(wanted),
            Err(error) => Err(error),
        };
        let asked = self.0.wait(async {
            match call {
                Ok(call) => self.ask(call).await,
                Err(error) => Err(error),
            }
        })?;
        let reply = match asked.unwrap_or_else(|| Err("the script's time was up".to_owned())) {
            Ok(reply) => reply,
            Err(error) => {
                self.0.warn(&format!("TykMakeHttpRequest failed: {error}"));
                return Ok(None);
            }
        };
        let (headers, body) = (shown(&reply.headers), String::from_utf8_lossy(&reply.body));
        let code = reply.status.as_u16();
        let got = Got {
            code,
            body: &body,
            headers: &headers,
            same_code: code,
            same_body: &body,
            same_headers: &headers,
        };
        Ok(serde_json::to_string(&got).ok())
    }

    pub(super) fn batch(&self, text: &str) -> Result<Option<String>, String> {
        let batch = match serde_json::from_str::<Batch>(text) {
            Ok(batch) => batch,
            Err(error) => {
                self.0.warn(&format!("TykBatchRequest: this is no batch: {error}"));
                return Ok(None);
            }
        };
        let units = batch.requests.unwrap_or_default();
        let replies = self.0.wait(async {
            if batch.suppress_parallel_execution == Some(true) {
                let mut replies = Vec::with_capacity(units.len());
                for unit in units {
                    replies.push(self.unit(unit).await);
                }
                return replies;
            }
            join_all(units.into_iter().map(|unit| self.unit(unit))).await
        })?;
        if replies.is_none() {
            self.0.warn("TykBatchRequest failed: the script's time was up");
        }
        Ok(replies.and_then(|replies| serde_json::to_string(&replies).ok()))
    }

    async fn unit(&self, unit: Unit) -> UnitReply {
        let url = unit.relative_url.unwrap_or_default();
        let call = self.call(unit.method, url.clone(), unit.headers, unit.body.unwrap_or_default());
        let asked = match call {
            Ok(call) => self.ask(call).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(reply) => UnitReply {
                relative_url: url,
                code: reply.status.as_u16(),
                headers: Some(shown(&reply.headers)),
                body: String::from_utf8_lossy(&reply.body).into_owned(),
            },
            Err(error) => {
                self.0.warn(&format!("a request of TykBatchRequest failed: {error}"));
                UnitReply::default()
            }
        }
    }

    fn wanted(&self, wanted: Wanted) -> Result<Call, String> {
        let url = [wanted.domain.unwrap_or_default(), wanted.resource.unwrap_or_default()].concat();
        let body = wanted.body.filter(|body| !body.is_empty());
        let body = body.unwrap_or_else(|| {
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (name, value) in wanted.form_data.iter().flatten() {
                form.append_pair(name, value.as_deref().unwrap_or_default());
            }
            form.finish()
        });
        self.call(wanted.method, url, wanted.headers, body)
    }

    fn call(&self, name: Option<String>, url: String, headers: Texts, body: String) -> Result<Call, String> {
        let mut call = Call::new(method(&name.unwrap_or_default())?, url);
        for (name, value) in headers.iter().flatten() {
            add(&mut call.headers, name, value.as_deref().unwrap_or_default())?;
        }
        prepare(&mut call.headers);
        call.body = body.into();
        call.timeout = self.0.left();
        call.limit = self.0.host().limit();
        Ok(call)
    }

    async fn ask(&self, call: Call) -> Result<Reply, String> {
        let caller = self.0.caller();
        let ask = Ask { call, client: caller.client, depth: caller.depth };
        self.0.host().ask(ask).await.map_err(|error| error.chain())
    }
}

/// Go sends its own agent unless told otherwise, and takes the host from the URL alone.
fn prepare(headers: &mut HeaderMap) {
    headers.remove(header::HOST);
    headers.entry(header::USER_AGENT).or_insert(AGENT);
}
