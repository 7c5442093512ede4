//! How long a state is stored (sessions reference 1.6). When a key stops working is another matter: `expires`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::SessionState;
use crate::{config::Config, definition::ApiDefinition};

/// How long a state is stored, shortest first where several APIs have a say: the longest counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lifetime {
    /// Nobody set one: it stays.
    #[default]
    Unset,
    /// So many seconds, at least one.
    Seconds(u64),
    /// It stays, on purpose.
    Forever,
}

impl Lifetime {
    /// The expiry to write; without one, an earlier expiry is taken away.
    pub fn ttl(self) -> Option<Duration> {
        match self {
            Self::Seconds(seconds) => Some(Duration::from_secs(seconds)),
            Self::Unset | Self::Forever => None,
        }
    }

    fn of_seconds(seconds: i64) -> Self {
        match u64::try_from(seconds) {
            Ok(0) => Self::Unset,
            Ok(seconds) => Self::Seconds(seconds),
            Err(_) => Self::Forever,
        }
    }
}

/// What an API says of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApiLifetime {
    /// Seconds; nothing above zero is no wish.
    pub seconds: i64,
    /// Not shorter than the key lives.
    pub respects_expiry: bool,
}

impl From<&ApiDefinition> for ApiLifetime {
    fn from(definition: &ApiDefinition) -> Self {
        Self {
            seconds: definition.session_lifetime,
            respects_expiry: definition.session_lifetime_respects_key_expiration,
        }
    }
}

/// What the gateway says of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct LifetimeRules {
    forced: Option<i64>,
    respects_expiry: bool,
}

impl LifetimeRules {
    /// `global_session_lifetime` counts only when it is forced, as in Tyk.
    pub(super) fn new(config: &Config) -> Self {
        Self {
            forced: config.force_global_session_lifetime.then_some(config.global_session_lifetime),
            respects_expiry: config.session_lifetime_respects_key_expiration,
        }
    }

    /// How long a state is stored that is written for this API at this unix time.
    pub(super) fn of(&self, state: &SessionState, api: ApiLifetime, now: i64) -> Lifetime {
        if let Some(forced) = self.forced {
            return Lifetime::of_seconds(forced);
        }
        let left = state.expires.saturating_sub(now);
        match (state.post_expiry_action.as_str(), state.post_expiry_grace_period) {
            ("delete", _) | ("retain", 1.. | ..=-1) if state.expires <= 0 => return Lifetime::Unset,
            ("delete", _) => return Lifetime::of_seconds(left.max(1)),
            ("retain", -1) => return Lifetime::Forever,
            ("retain", grace) if grace != 0 => {
                return Lifetime::of_seconds(left.saturating_add(grace).max(1));
            }
            _ => {}
        }
        let wanted = if state.session_lifetime > 0 { state.session_lifetime } else { api.seconds };
        if wanted <= 0 {
            return Lifetime::Unset;
        }
        let respects = self.respects_expiry || api.respects_expiry;
        if !respects {
            return Lifetime::of_seconds(wanted);
        }
        if state.expires <= 0 { Lifetime::Unset } else { Lifetime::of_seconds(left.max(wanted)) }
    }
}

/// Seconds since 1970.
pub fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;
    const FREE: LifetimeRules = LifetimeRules { forced: None, respects_expiry: false };

    fn state(expires: i64, lifetime: i64, action: &str, grace: i64) -> SessionState {
        SessionState {
            expires,
            session_lifetime: lifetime,
            post_expiry_action: action.to_owned(),
            post_expiry_grace_period: grace,
            ..SessionState::default()
        }
    }

    fn api(seconds: i64, respects_expiry: bool) -> ApiLifetime {
        ApiLifetime { seconds, respects_expiry }
    }

    #[test]
    fn the_global_one_counts_only_when_forced() {
        let config = Config { global_session_lifetime: 50, ..Config::default() };
        let rules = LifetimeRules::new(&config);
        assert_eq!(rules.of(&state(0, 0, "", 0), api(7, false), NOW), Lifetime::Seconds(7));
        let forced = Config { force_global_session_lifetime: true, ..config };
        let rules = LifetimeRules::new(&forced);
        assert_eq!(rules.of(&state(NOW + 9, 3, "delete", 0), api(7, true), NOW), Lifetime::Seconds(50));
        let zero = LifetimeRules { forced: Some(0), respects_expiry: true };
        assert_eq!(zero.of(&state(NOW + 9, 3, "", 0), api(7, true), NOW), Lifetime::Unset);
    }

    #[test]
    fn what_follows_the_end_of_a_key_comes_next() {
        let of = |expires, action, grace| FREE.of(&state(expires, 77, action, grace), api(9, false), NOW);
        assert_eq!(of(0, "delete", 0), Lifetime::Unset);
        assert_eq!(of(NOW + 30, "delete", 5), Lifetime::Seconds(30));
        assert_eq!(of(NOW - 30, "delete", 5), Lifetime::Seconds(1));
        assert_eq!(of(0, "retain", 10), Lifetime::Unset);
        assert_eq!(of(NOW + 30, "retain", -1), Lifetime::Forever);
        assert_eq!(of(NOW + 30, "retain", 10), Lifetime::Seconds(40));
        assert_eq!(of(NOW + 30, "retain", -10), Lifetime::Seconds(20));
        assert_eq!(of(NOW + 30, "retain", 0), Lifetime::Seconds(77));
    }

    #[test]
    fn then_the_keys_own_and_the_apis() {
        let of = |expires, own, api| FREE.of(&state(expires, own, "", 0), api, NOW);
        assert_eq!(of(NOW + 500, 0, api(0, true)), Lifetime::Unset);
        assert_eq!(of(NOW + 500, 20, api(50, false)), Lifetime::Seconds(20));
        assert_eq!(of(NOW + 500, 0, api(50, false)), Lifetime::Seconds(50));
        assert_eq!(of(NOW + 500, 0, api(50, true)), Lifetime::Seconds(500));
        assert_eq!(of(NOW + 20, 0, api(50, true)), Lifetime::Seconds(50));
        assert_eq!(of(0, 0, api(50, true)), Lifetime::Unset);
        let global = LifetimeRules { forced: None, respects_expiry: true };
        assert_eq!(global.of(&state(0, 0, "", 0), api(50, false), NOW), Lifetime::Unset);
    }

    #[test]
    fn the_longest_counts() {
        let all = [Lifetime::Seconds(5), Lifetime::Unset, Lifetime::Seconds(9)];
        assert_eq!(all.into_iter().max(), Some(Lifetime::Seconds(9)));
        assert_eq!(Lifetime::Forever.max(Lifetime::Seconds(9)).ttl(), None);
    }
}
