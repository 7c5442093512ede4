//! Error bodies: built-in templates and those of `template_path` (api-definition reference 7.1).
//!
//! A template is text with `{{.Message}}`; at any other field the body ends, as in Tyk. The rest of Go's template language is not
//! spoken: a file that uses it is named at load, and the built-in form serves instead.

use std::{borrow::Cow, collections::HashMap, fs, path::Path};

use bytes::Bytes;
use http::HeaderValue;

use crate::error::Problem;

const JSON: &str = "{\n    \"error\": \"{{.Message}}\"\n}";
const XML: &str = "<?xml version = \"1.0\" encoding = \"UTF-8\"?>\n<error>{{.Message}}</error>\n";

/// The form of an error body: the request's own `Content-Type` decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Format {
    /// Everything but XML.
    Json,
    /// XML under the type that the client used.
    Xml(HeaderValue),
}

impl Format {
    pub(super) fn of(content_type: Option<&HeaderValue>) -> Self {
        let media = content_type
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.split(';').next())
            .map(str::trim)
            .unwrap_or_default();
        match media {
            "application/soap+xml" => Self::Xml(HeaderValue::from_static("application/soap+xml")),
            "application/xml" => Self::Xml(HeaderValue::from_static("application/xml")),
            "text/xml" => Self::Xml(HeaderValue::from_static("text/xml")),
            _ => Self::Json,
        }
    }

    pub(super) fn content_type(&self) -> HeaderValue {
        match self {
            Self::Json => HeaderValue::from_static("application/json"),
            Self::Xml(media) => media.clone(),
        }
    }

    fn extension(&self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml(_) => "xml",
        }
    }
}

/// Every template, ready to be filled.
#[derive(Debug)]
pub(super) struct Templates {
    /// By file name, such as `error_404.json`.
    files: HashMap<String, Template>,
    json: Template,
    xml: Template,
}

#[derive(Debug, Clone)]
struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Message,
    /// A field that error templates of Tyk do not have: the body ends here, as recorded.
    End,
}

impl Templates {
    /// Reads `error*.json` and `error*.xml` of a folder; an empty path means the built-in ones alone.
    pub(super) fn load(folder: &str, problems: &mut Vec<Problem>) -> Self {
        let mut files = HashMap::new();
        if !folder.is_empty() {
            read_folder(Path::new(folder), &mut files, problems);
        }
        let built_in = |text| Template::parse(text).unwrap_or(Template(Vec::new()));
        Self { files, json: built_in(JSON), xml: built_in(XML) }
    }

    /// The body for a status and a message. Look-up: `error_<status>`, `error`, each in the asked form.
    pub(super) fn render(&self, format: &Format, status: u16, message: &str) -> Bytes {
        let extension = format.extension();
        let file = (!self.files.is_empty())
            .then(|| {
                self.files
                    .get(&format!("error_{status}.{extension}"))
                    .or_else(|| self.files.get(&format!("error.{extension}")))
            })
            .flatten();
        let (template, message) = match format {
            Format::Json => (file.unwrap_or(&self.json), json_text(message)),
            Format::Xml(_) => (file.unwrap_or(&self.xml), xml_text(message)),
        };
        template.fill(&message)
    }
}

fn read_folder(folder: &Path, files: &mut HashMap<String, Template>, problems: &mut Vec<Problem>) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(
                Problem::warning(folder.display().to_string(), "", format!("cannot be read: {error}"))
                    .hint("template_path must name a folder; the built-in error bodies are used"),
            );
            return;
        }
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("error") || !(name.ends_with(".json") || name.ends_with(".xml")) {
            continue;
        }
        let place = entry.path().display().to_string();
        match fs::read_to_string(entry.path()).map_err(|error| error.to_string()).and_then(|text| {
            Template::parse(&text)
                .map_err(|action| format!("{action:?} is not understood, the built-in body is used"))
        }) {
            Ok(template) => {
                if template.0.contains(&Part::End) {
                    problems.push(
                        Problem::warning(
                            place,
                            "",
                            "there is only {{.Message}}: at any other field the body ends, as in Tyk",
                        )
                        .hint("write the status into the file: error_404.json is for 404 alone"),
                    );
                }
                files.insert(name, template);
            }
            Err(message) => problems
                .push(Problem::warning(place, "", message).hint("error templates may use {{.Message}}")),
        }
    }
}

/// A single name behind a dot.
fn is_field(action: &str) -> bool {
    let name = action.strip_prefix('.').unwrap_or_default();
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl Template {
    /// Reads a template; the error is the first action that is not understood.
    fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (action, after) = after.split_once("}}").ok_or_else(|| format!("{{{{{after}"))?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(match action.trim() {
                ".Message" => Part::Message,
                field if is_field(field) => Part::End,
                other => return Err(other.to_owned()),
            });
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    fn fill(&self, message: &str) -> Bytes {
        let mut body = String::with_capacity(64 + message.len());
        for part in &self.0 {
            match part {
                Part::Text(text) => body.push_str(text),
                Part::Message => body.push_str(message),
                Part::End => break,
            }
        }
        body.into()
    }
}

/// Escapes what may not stand in a JSON string, and no more: `<`, `>` and `&` stay.
fn json_text(message: &str) -> Cow<'_, str> {
    if !message.contains(|c: char| c == '"' || c == '\\' || c.is_control()) {
        return message.into();
    }
    let quoted = serde_json::Value::from(message).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned().into()
}

fn xml_text(message: &str) -> Cow<'_, str> {
    if !message.contains(['&', '<', '>', '"', '\'']) {
        return message.into();
    }
    let mut out = String::with_capacity(message.len() + 16);
    for c in message.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in() -> Templates {
        Templates::load("", &mut Vec::new())
    }

    #[test]
    fn the_built_in_bodies_are_tyks() {
        let json = built_in().render(&Format::Json, 500, "a \"b\" <c>\\");
        assert_eq!(json, "{\n    \"error\": \"a \\\"b\\\" <c>\\\\\"\n}");
        let soap = HeaderValue::from_static("application/soap+xml; charset=x");
        let format = Format::of(Some(&soap));
        assert_eq!(format.content_type(), "application/soap+xml");
        assert_eq!(
            built_in().render(&format, 500, "a<b"),
            "<?xml version = \"1.0\" encoding = \"UTF-8\"?>\n<error>a&lt;b</error>\n"
        );
    }

    #[test]
    fn a_quote_at_either_end_survives() {
        assert_eq!(json_text("\"x\""), "\\\"x\\\"");
    }

    #[test]
    fn files_win_by_status_then_by_form_and_a_bad_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("error.json", "any {{ .Message }}");
        write("error_404.json", "404 {{.Message}}!");
        write("error_401.json", "{\"code\": {{.StatusCode}}, \"why\": \"{{.Message}}\"}");
        write("error.xml", "{{if .Message}}x{{end}}");
        let mut problems = Vec::new();
        let templates = Templates::load(folder.path().to_str().unwrap(), &mut problems);
        assert_eq!(templates.render(&Format::Json, 404, "m"), "404 m!");
        assert_eq!(templates.render(&Format::Json, 401, "m"), "{\"code\": ");
        assert_eq!(templates.render(&Format::Json, 500, "m"), "any m");
        assert_eq!(problems.len(), 2);
        let text: String = problems.iter().map(ToString::to_string).collect();
        assert!(text.contains("if .Message") && text.contains("error_401.json"), "{text}");
        let xml = Format::of(Some(&HeaderValue::from_static("text/xml")));
        assert!(templates.render(&xml, 500, "m").starts_with(b"<?xml"));
    }
}
