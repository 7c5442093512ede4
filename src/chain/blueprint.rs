//! What steps are built from.

use std::sync::Arc;

use super::{
    Complaint, EndpointPaths, Endpoints, EndpointsBuilder, HookPlan, ListenPath, PathStyle, Place, Secrets,
    Services, Template, VersionStrip,
};
use crate::{
    definition::{ApiDefinition, VersionInfo},
    error::{Problem, Severity},
    hook::Spec,
};

/// What a step is built from. `problems` takes what the definition asks for and the step cannot do.
pub struct Blueprint<'a> {
    /// The definition.
    pub definition: &'a ApiDefinition,
    /// The version entries in the order that `Ctx::version` counts.
    pub versions: &'a [VersionInfo],
    /// The path that it listens on.
    pub listen_path: &'a ListenPath,
    /// Shared handles.
    pub services: &'a Services,
    /// The hooks that it has.
    pub hooks: &'a HookPlan,
    /// What hooks of this API read.
    pub spec: &'a Arc<Spec>,
    /// Name of the definition in messages.
    pub place: &'a str,
    /// What the build has to say to the definition's author.
    pub problems: &'a mut Vec<Problem>,
}

impl Blueprint<'_> {
    /// Where templates get their secrets.
    pub fn secrets(&self) -> Secrets<'_> {
        Secrets::new(&self.services.config, self.services.environment)
    }

    /// How endpoint paths are read, before an entry's own wishes.
    pub fn path_style(&self) -> PathStyle {
        PathStyle::of(&self.services.config)
    }

    /// How its endpoint paths are looked for. Every step that needs it keeps its own: it is small.
    pub fn paths(&mut self) -> EndpointPaths {
        let version = VersionStrip::compile(&self.definition.definition).unwrap_or_else(|problem| {
            self.refuse(problem.path, format!("{}; no version is cut off endpoint paths", problem.message));
            VersionStrip::default()
        });
        EndpointPaths::new(self.listen_path.clone(), version)
    }

    /// Notes something that works, but not as its author may think. `path` is the JSON path.
    pub fn warn(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.note(Problem::warning(self.place, path, message));
    }

    /// Notes something that cannot work.
    pub fn refuse(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.note(Problem::error(self.place, path, message));
    }

    /// Loading the definition may already have named what is broken at a place; once is enough.
    fn note(&mut self, problem: Problem) {
        let known = |other: &Problem| {
            other.path == problem.path
                && (other.message == problem.message
                    || (other.severity, problem.severity) == (Severity::Error, Severity::Error))
        };
        if !self.problems.iter().any(known) {
            self.problems.push(problem);
        }
    }

    /// Compiles a text with variables; what it cannot get is noted.
    pub fn template(&mut self, path: &str, text: &str) -> Template {
        let (template, complaints) = Template::parse(text, &self.secrets());
        self.complain(path, complaints);
        template
    }

    /// Compiles a text with variables and groups of a match.
    pub fn rewrite_template(&mut self, path: &str, text: &str) -> Template {
        let (template, complaints) = Template::parse_with_groups(text, &self.secrets());
        self.complain(path, complaints);
        template
    }

    fn complain(&mut self, path: &str, complaints: Vec<Complaint>) {
        for Complaint(message) in complaints {
            self.warn(path, message);
        }
    }

    /// Compiles the entries of one kind of a version. `place` says where an entry applies, or nothing for one that
    /// is disabled; `value` gets the entry's JSON path. Entries with a broken path are noted and left out.
    pub fn endpoints<E, T>(
        &mut self,
        version: &VersionInfo,
        kind: &str,
        entries: &[E],
        place: impl Fn(&E) -> Option<Place<'_>>,
        mut value: impl FnMut(&mut Self, &E, &str) -> Option<T>,
    ) -> Option<Endpoints<T>> {
        let mut table = EndpointsBuilder::default();
        for (index, entry) in entries.iter().enumerate() {
            let Some(place) = place(entry) else { continue };
            let path = format!("{}.{kind}[{index}]", version_path(version, "extended_paths"));
            let Some(value) = value(self, entry, &path) else { continue };
            if let Err(problem) = table.add(place, value) {
                self.refuse(format!("{path}.path"), format!("{}; the entry is left out", problem.message));
            }
        }
        table.build()
    }
}

/// JSON path of a member of a version.
pub fn version_path(version: &VersionInfo, member: &str) -> String {
    format!("version_data.versions.{}.{member}", version.name)
}
