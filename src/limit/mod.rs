//! How fast and how often: rate limits and quotas (sessions reference 5 and 6). What is limited, and what a request that
//! is over its limit is told, the steps in `middleware` know.
//!
//! [`Limiter`] chooses the algorithm once, by the config (reference 5.3): `buckets` in this process, or one of the
//! counts of the store. A rate limit and a quota that both need the store are one round trip.

mod buckets;
mod endpoints;
mod key;
mod limiter;
mod numbers;
mod plan;
mod smoothing;

#[cfg(test)]
mod tests;

pub use endpoints::EndpointRates;
pub use key::KeyLimits;
pub use limiter::{Ask, Checked, Limiter, QuotaAsk, RateAsk, Refusal, Run};
pub use numbers::{Numbers, QuotaNumbers, RateNumbers};
pub use smoothing::Move;
