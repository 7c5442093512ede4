//! What can go wrong, and the one place that turns a fault into an HTTP status.
//!
//! Two kinds of trouble never mix. A [`Problem`] is found while loading: it names the file, the place in it,
//! what was expected and a hint, and all problems of a load are collected. An [`Error`] is a fault at run time.
//! A refusal (no key, blocked path) is neither: it is a `chain::Denial`.

use std::{borrow::Cow, fmt, io, time::Duration};

/// The result of anything that may fault.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The cause below one of our errors.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A fault, by the part that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Input that a person wrote cannot be used.
    #[error("{0}")]
    Input(Problem),
    /// The store did not do what it was asked.
    #[error("the store did not answer")]
    Store(#[source] Cause),
    /// A hook did not finish its work.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// The upstream could not be reached or did not answer properly.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// A call of the gateway itself gave no usable answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The client's request cannot be processed.
    #[error("{message}")]
    Http {
        /// Status for the client.
        status: u16,
        /// Text for the client's error body.
        message: Cow<'static, str>,
    },
    /// The client's body did not come whole.
    #[error("the request's body could not be read")]
    Body(#[source] Cause),
    /// The operating system refused something.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// An invariant of ours does not hold.
    #[error("internal fault")]
    Internal(#[source] Cause),
}

/// Why a hook did not finish its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// Its code could not be loaded, so it never runs.
    #[error("hook {name} is not loaded: {reason}")]
    NotLoaded {
        /// Function name of the definition.
        name: String,
        /// What stopped the load.
        reason: String,
    },
    /// Its code was loaded, but has no such function.
    #[error("hook {name} is not defined: {reason}")]
    NoFunction {
        /// Function name of the definition.
        name: String,
        /// Where it was looked for, and what is there.
        reason: String,
    },
    /// Its driver is switched off.
    #[error("hook {name} cannot run: {setting} is off")]
    SwitchedOff {
        /// Function name of the definition.
        name: String,
        /// The setting of the gateway's configuration.
        setting: &'static str,
    },
    /// It threw an error, or left what cannot be used.
    #[error("hook {name} failed: {reason}")]
    Script {
        /// Function name of the definition.
        name: String,
        /// What it says, with the place in its code where there is one.
        reason: String,
    },
    /// It failed, and the client is told in the words of its driver.
    #[error("the client is answered {status} {message}")]
    Answered {
        /// The status.
        status: u16,
        /// The message.
        message: &'static str,
        /// Why.
        #[source]
        source: Box<HookError>,
    },
    /// It did not return in time.
    #[error("hook {name} did not return within {limit:?}")]
    Timeout {
        /// Function name of the definition.
        name: String,
        /// The limit that applied.
        limit: Duration,
    },
    /// Every thread that may run it is stuck in an earlier call.
    #[error("hook {name}: all {threads} hook threads are stuck")]
    Stuck {
        /// Function name of the definition.
        name: String,
        /// Size of the pool.
        threads: usize,
    },
    /// Every thread is busy and enough calls wait for one.
    #[error("hook {name}: {waiting} calls wait for a hook thread already")]
    Busy {
        /// Function name of the definition.
        name: String,
        /// How many wait.
        waiting: usize,
    },
    /// No thread could be started to run it.
    #[error("hook {name}: no thread could be started")]
    NoThread {
        /// Function name of the definition.
        name: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// It returned an error code.
    #[error("hook {name} failed with code {code}")]
    Failed {
        /// Function name of the definition.
        name: String,
        /// What it returned.
        code: i32,
    },
    /// It left a session that cannot be used.
    #[error("hook {name} left a session that cannot be used")]
    Session {
        /// Function name of the definition.
        name: String,
        /// What is wrong with it.
        #[source]
        source: Cause,
    },
    /// It panicked; the panic was caught.
    #[error("hook {name} panicked")]
    Panicked {
        /// Function name of the definition.
        name: String,
    },
}

/// Why an upstream gave no usable answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// The name of the target has no address.
    #[error("no address for {host}")]
    Unresolved {
        /// The name.
        host: String,
        /// The resolver's answer.
        #[source]
        source: io::Error,
    },
    /// No connection, or it broke before an answer.
    #[error("upstream connection failed")]
    Connection(#[source] Cause),
    /// No answer in time.
    #[error("upstream did not answer in time")]
    Timeout(#[source] Cause),
    /// The client went away first.
    #[error("client closed the request")]
    ClientGone(#[source] Cause),
}

/// Why a call of the gateway itself (a key set, a webhook) gave no usable answer. URLs in texts have neither
/// credentials nor a query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Not an address that can be called.
    #[error("not a URL that can be called")]
    Url(#[source] Cause),
    /// Requests of hooks led to one another without an end.
    #[error("too deep: more than {limit} requests of hooks led to one another")]
    TooDeep {
        /// The most that may.
        limit: u8,
    },
    /// No client can be set up in this process.
    #[error("no outbound calls can be made")]
    Setup(#[source] Cause),
    /// No connection, a failed handshake, or an answer that broke off.
    #[error("the call to {to} failed")]
    Failed {
        /// Whom.
        to: String,
        /// What went wrong.
        #[source]
        source: Cause,
    },
    /// No whole answer in time.
    #[error("{to} did not answer within {limit:?}")]
    Timeout {
        /// Whom.
        to: String,
        /// The limit that applied.
        limit: Duration,
        /// What was being waited for.
        #[source]
        source: Cause,
    },
    /// More bytes than the caller takes.
    #[error("the answer of {to} is larger than {limit} bytes")]
    TooLarge {
        /// Whom.
        to: String,
        /// The limit that applied, in bytes.
        limit: usize,
    },
}

impl Error {
    /// Status and message for the client. Internals stay in the log (Tyk's texts: api-definition reference 6.6).
    pub fn answer(&self) -> (u16, Cow<'static, str>) {
        match self {
            Self::Http { status, message } => (*status, message.clone()),
            Self::Hook(HookError::Answered { status, message, .. }) => (*status, (*message).into()),
            Self::Upstream(UpstreamError::Unresolved { .. }) => (500, "Upstream host lookup failed".into()),
            Self::Upstream(UpstreamError::Connection(_)) => {
                (500, "There was a problem proxying the request".into())
            }
            Self::Upstream(UpstreamError::Timeout(_)) => {
                (504, "Upstream service reached hard timeout.".into())
            }
            Self::Upstream(UpstreamError::ClientGone(_)) => (499, "Client closed request".into()),
            Self::Body(_) => (500, "There was a problem with reading Body of the Request.".into()),
            _ => (500, "Internal Server Error".into()),
        }
    }

    /// The status for the client.
    pub fn status(&self) -> u16 {
        self.answer().0
    }

    /// The message with every cause behind it, for the log.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The input works, but not as its author may think.
    Warning,
    /// The thing that holds it cannot be used, or refuses traffic.
    Error,
}

/// Something wrong in what a person wrote, found while loading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// File, environment variable or API that holds it.
    pub place: String,
    /// Line in the file, from 1.
    pub line: Option<usize>,
    /// Path inside the document, such as `proxy.target_url`; empty when the whole is meant.
    pub path: String,
    /// What is wrong, what was expected, what happens now.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem that makes its holder unusable.
    pub fn error(place: impl Into<String>, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: place.into(),
            line: None,
            path: path.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// A problem that its holder survives.
    pub fn warning(place: impl Into<String>, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, path, message) }
    }

    /// Adds the line.
    pub fn at_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}
