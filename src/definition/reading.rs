//! The text of one file: a Classic definition, or an OAS document that is converted.

use super::{ApiDefinition, Lint, oas, oas::Converted, parse, support};
use crate::error::Problem;

/// What a text gave.
pub(super) struct Read {
    /// The definition.
    pub(super) definition: ApiDefinition,
    /// What is wrong with the document that it was converted from.
    pub(super) lint: Lint,
    origins: Option<Converted>,
}

impl Read {
    /// Whether the text is an OAS document.
    pub(super) fn is_document(&self) -> bool {
        self.origins.is_some()
    }

    /// Lets problems name the place in the text.
    pub(super) fn locate(&self, problems: &mut [Problem]) {
        if let Some(origins) = &self.origins {
            origins.locate(problems);
        }
    }
}

/// Reads a text. What cannot be used has an id nonetheless, if that much could be read.
pub(super) fn read(text: &str, place: &str) -> Result<Read, (Vec<Problem>, Option<String>)> {
    let Some(root) = oas::document(text) else {
        let definition = parse(text, place).map_err(|problem| (vec![problem], None))?;
        return Ok(Read { definition, lint: Lint::default(), origins: None });
    };
    match oas::convert(&root, place) {
        Ok(mut made) => {
            let mut lint = Lint { problems: std::mem::take(&mut made.problems), refuses: false };
            support::check_document(&root, place, &mut lint);
            Ok(Read { definition: std::mem::take(&mut made.definition), lint, origins: Some(made) })
        }
        Err(faults) => {
            let problem = |fault: oas::Fault| {
                Problem::error(place, fault.path, format!("{}: this API is not served", fault.message))
            };
            let id = Some(oas::api_id(&root).to_owned()).filter(|id| !id.is_empty());
            Err((faults.into_iter().map(problem).collect(), id))
        }
    }
}
