//! Tells clients when the API ends: `x-tyk-api-expires` (api-definition reference 2.1).

use std::time::SystemTime;

use async_trait::async_trait;
use http::HeaderValue;
use pingora_proxy::Session;

use crate::{
    chain::{Blueprint, Ctx, ResponseMiddleware},
    definition::Expiry,
    error::{Error, Result},
    hook::ResponsePart,
};

struct ExpiresHeader(HeaderValue);

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn ResponseMiddleware>> {
    let Expiry::At(time) = Expiry::parse(&blueprint.definition.expiration) else { return None };
    let value = HeaderValue::try_from(rfc1123(time)?).ok()?;
    Some(Box::new(ExpiresHeader(value)))
}

#[async_trait]
impl ResponseMiddleware for ExpiresHeader {
    async fn response(&self, _: &mut Session, _: &mut Ctx, answer: &mut ResponsePart) -> Result<()> {
        let done = answer.head.insert_header("X-Tyk-Api-Expires", self.0.clone());
        done.map_err(|error| Error::Internal(error.into()))
    }
}

/// `Mon, 02 Jan 2006 15:04:05 UTC`, as Go's `RFC1123` prints a UTC time. Nothing before 1970: that is long expired.
fn rfc1123(time: SystemTime) -> Option<String> {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let weekday = DAYS.get(usize::try_from(days % 7).ok()?)?;
    // A year that begins in March puts the leap day at its end.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_of_era + u64::from(month >= 10);
    let name = MONTHS.get(usize::try_from(month).ok()?)?;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    Some(format!("{weekday}, {day:02} {name} {year:04} {hour:02}:{minute:02}:{second:02} UTC"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_print_as_in_go() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 UTC"),
            (1_136_214_245, "Mon, 02 Jan 2006 15:04:05 UTC"),
            (1_709_208_000, "Thu, 29 Feb 2024 12:00:00 UTC"),
            (4_071_006_240, "Fri, 02 Jan 2099 03:04:00 UTC"),
        ] {
            assert_eq!(rfc1123(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).as_deref(), Some(text));
        }
    }
}
