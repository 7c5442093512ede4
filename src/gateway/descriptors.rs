//! How many descriptors the process may have open. Shells and service managers give 1,024 by default, and every client
//! and every upstream connection takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Below this a gateway runs out under ordinary load.
const FEW: u64 = 10_000;

/// Raises the limit as far as the system allows, as servers do; says so in the log if that is not far.
pub(super) fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    // `None` is no limit.
    if let Some(limit) = getrlimit(Resource::Nofile).current.filter(|limit| *limit < FEW) {
        tracing::warn!(
            limit,
            "few files may be open at once, and each connection is one: raise `ulimit -n` or LimitNOFILE="
        );
    }
}
