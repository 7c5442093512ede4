//! From what a request left behind to a finished record: everything that need not run on the request's thread.

use std::{
    borrow::Cow,
    collections::HashSet,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Datelike, Local, SecondsFormat, Timelike};
use serde_json::Value;

use super::{Latency, Moment, Observed, Record, Settings, fields, image, normalise::Normalise};
use crate::{hook::RecordPart, session::hash};

/// Records without an expiry of their API's own are kept this long: Tyk's "for ever".
const KEPT: Duration = Duration::from_secs(36_500 * 24 * 60 * 60);

/// Version of an API that has none.
const NOT_VERSIONED: &str = "Non Versioned";

/// The rules for finishing records; owned by the one task that finishes them.
pub struct Finish {
    hash_keys: bool,
    ignored: HashSet<String>,
    normalise: Option<Normalise>,
    node_tags: Vec<String>,
    calendar: Calendar,
}

impl Finish {
    /// The rules of these settings. A custom pattern that does not compile is left out; [`super::problems`] names it.
    pub fn new(settings: &Settings) -> Self {
        Self {
            hash_keys: settings.hash_keys,
            ignored: settings.ignored_ips.iter().cloned().collect(),
            normalise: settings.normalise.as_ref().map(|config| Normalise::compile(config).0),
            node_tags: settings.node_tags.clone(),
            calendar: Calendar::default(),
        }
    }

    /// The finished record; `None` when the client's address is one of `ignored_ips`, compared as text.
    pub fn record<'a>(&'a mut self, seen: &'a Observed) -> Option<Record<'a>> {
        let mut record = self.begin(seen)?;
        self.end(&mut record);
        Some(record)
    }

    /// What a hook gets to see; `None` as for [`Finish::record`].
    pub(super) fn part(&mut self, seen: &Observed) -> Option<RecordPart> {
        self.begin(seen).map(|record| fields::part(&record))
    }

    /// The finished record with the edits of its hook.
    pub(super) fn edited<'a>(&'a mut self, seen: &'a Observed, part: RecordPart) -> Option<Record<'a>> {
        let mut record = self.begin(seen)?;
        fields::apply(part, &mut record);
        self.end(&mut record);
        Some(record)
    }

    /// All but what Tyk's worker does after the hook.
    fn begin<'a>(&mut self, seen: &'a Observed) -> Option<Record<'a>> {
        // `::ffff:1.2.3.4` is printed as `1.2.3.4`, as Go does.
        let client = seen.client.map(|ip| ip.to_canonical().to_string()).unwrap_or_default();
        if !self.ignored.is_empty() && self.ignored.contains(&client) {
            return None;
        }
        let timestamp = Moment::from(seen.at);
        let [year, month, day, hour] = self.calendar.at(timestamp.seconds);
        let latency = latency(seen);
        let path = Cow::Borrowed(seen.tracked.as_deref().unwrap_or(&seen.path));
        let state = seen.caller.as_ref().map(|key| &*key.state);
        Some(Record {
            method: seen.method.as_str().into(),
            host: (&*seen.host).into(),
            path: match &self.normalise {
                Some(rules) => rules.apply(path),
                None => path,
            },
            raw_path: seen.path.as_str().into(),
            content_length: seen.content_length,
            user_agent: seen
                .user_agent
                .as_ref()
                .map_or(Cow::Borrowed(""), |value| String::from_utf8_lossy(value.as_bytes())),
            day: day.unsigned_abs(),
            month: month.unsigned_abs(),
            year,
            hour: hour.unsigned_abs(),
            response_code: seen.status.into(),
            tags: self.given_tags(seen),
            api_key: seen.caller.as_ref().map_or("", |key| &key.id).into(),
            timestamp,
            api_version: seen.version.as_deref().unwrap_or(NOT_VERSIONED).into(),
            api_name: seen.api.name.as_str().into(),
            api_id: seen.api.id.as_str().into(),
            org_id: seen.api.org_id.as_str().into(),
            oauth_id: state.map_or("", |state| &state.oauth_client_id).into(),
            request_time: latency.total,
            raw_request: seen.detail.as_deref().map_or("".into(), |detail| base64(&image::request(detail))),
            raw_response: seen.detail.as_deref().map_or("".into(), |detail| base64(&image::response(detail))),
            ip_address: client.into(),
            latency,
            alias: state.map_or("", |state| &state.alias).into(),
            track_path: seen.tracked.is_some(),
            expire_at: timestamp.after(seen.api.expire_after.unwrap_or(KEPT)),
            api_schema: "".into(),
            original_path: seen.original_path.as_str().into(),
            listen_path: seen.api.listen_path.as_str().into(),
        })
    }

    /// What comes after the hook: hash, slashes, tags of node, key and ids.
    fn end<'a>(&'a self, record: &mut Record<'a>) {
        if self.hash_keys {
            record.api_key = hash::token(&record.api_key).into();
        }
        root(&mut record.path);
        root(&mut record.raw_path);
        if !record.original_path.is_empty() {
            root(&mut record.original_path);
        }
        record.tags.extend(self.node_tags.iter().map(|tag| Cow::Borrowed(tag.as_str())));
        for (prefix, id) in [("key-", &record.api_key), ("org-", &record.org_id)] {
            if !id.is_empty() {
                record.tags.push([prefix, id].concat().into());
            }
        }
        record.tags.push(["api-", &record.api_id].concat().into());
    }

    /// Tags of caller, request and API, with room for the rest. In Tyk's order; no duplicate is removed (analytics
    /// reference 2.7).
    fn given_tags<'a>(&self, seen: &'a Observed) -> Vec<Cow<'a, str>> {
        let own = seen.caller.as_ref().map_or(&[][..], |key| &key.state.tags);
        let given = [own, &seen.tags, &seen.api.tags];
        let all = given.iter().map(|tags| tags.len()).sum::<usize>() + self.node_tags.len() + 4;
        let mut tags = Vec::with_capacity(all);
        if let Some(key) = &seen.caller {
            tags.extend(key.state.policies().iter().map(|id| Cow::Owned(["pol-", id].concat())));
            let developer = key.state.meta_data.get("tyk_developer_id").and_then(Value::as_str);
            tags.extend(developer.map(|id| Cow::Owned(["dev-", id].concat())));
        }
        tags.extend(given.into_iter().flatten().map(|tag| Cow::Borrowed(tag.as_str())));
        tags.extend(seen.cached.then_some(Cow::Borrowed("cached-response")));
        tags
    }
}

fn latency(seen: &Observed) -> Latency {
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let (total, upstream) = (millis(seen.total), millis(seen.upstream));
    Latency { total, upstream, gateway: total - upstream }
}

/// Gives a path its leading slash.
fn root(path: &mut Cow<'_, str>) {
    if !path.starts_with('/') {
        *path = ["/", path].concat().into();
    }
}

fn base64(image: &[u8]) -> Cow<'static, str> {
    if image.is_empty() { "".into() } else { STANDARD.encode(image).into() }
}

/// A time in the local zone, in whole seconds, as Go's RFC 3339 prints it.
pub fn rfc3339(at: SystemTime) -> String {
    DateTime::<Local>::from(at).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Year, month, day and hour in the local zone. The offset of a zone only changes on a quarter of an hour, so the
/// zone is asked once per quarter and not once per record.
#[derive(Default)]
struct Calendar {
    quarter: Option<i64>,
    fields: [i32; 4],
}

impl Calendar {
    fn at(&mut self, seconds: i64) -> [i32; 4] {
        let quarter = seconds.div_euclid(15 * 60);
        if self.quarter != Some(quarter) {
            let local = DateTime::from_timestamp(seconds, 0).unwrap_or_default().with_timezone(&Local);
            self.fields = [
                local.year(),
                local.month().cast_signed(),
                local.day().cast_signed(),
                local.hour().cast_signed(),
            ];
            self.quarter = Some(quarter);
        }
        self.fields
    }
}
