//! A case as commands that a person can run by hand: one `curl` a request, `jq` for what later ones need.

use runbook::settings::ApiSection;

use super::{Case, Source, Step, Values};
use crate::http::quoted;

impl Case {
    /// The case as a shell script. What a command of the runbook is, stays word for word; the others carry what
    /// `[api.authentication]` sends, by the names of its variables.
    pub fn as_curl(&self, base: &str, api: &ApiSection) -> String {
        let secrets = carried(api);
        let mut script = format!("# {}\n", self.title);
        let tagged = |step: &Step| {
            let texts = step.headers.iter().map(|(_, value)| value).chain([&step.path]).chain(&step.body);
            texts.into_iter().any(|text| text.contains("{run}"))
        };
        if self.steps.iter().any(tagged) {
            script.push_str("run=by-hand-$(date +%s)\n");
        }
        for (number, step) in self.steps.iter().enumerate() {
            let literal = (number == 0 && step.row.is_empty()).then_some(self.command.as_deref()).flatten();
            let status: Vec<String> = step.status.iter().map(ToString::to_string).collect();
            let race = step.race.map_or(String::new(), |race| format!(", {} at once", race.writers));
            let walk = if step.walk.is_some() {
                ", page after page, from here on by what each page held"
            } else {
                ""
            };
            if step.walk.is_some() {
                script.push_str("skip=0\n");
            }
            script.push_str(&format!("# {}: {}{race}{walk}\n", number + 1, status.join(" or ")));
            script.push_str(&match literal {
                Some(command) if step.capture.is_empty() => format!("{command}\n"),
                Some(command) => format!("answer=$({command})\n"),
                None => request(step, base, &secrets),
            });
            for (name, source) in &step.capture {
                script.push_str(&captured(name, source));
            }
        }
        script
    }
}

/// The headers that every request carries, as a shell takes them.
fn carried(api: &ApiSection) -> Vec<String> {
    let of = &api.authentication;
    let bearer = of.bearer_variable.as_ref().map(|variable| format!("Authorization: Bearer ${variable}"));
    let header = of.header.as_ref().zip(of.header_variable.as_ref());
    bearer.into_iter().chain(header.map(|(name, variable)| format!("{name}: ${variable}"))).collect()
}

fn request(step: &Step, base: &str, secrets: &[String]) -> String {
    let mut words = String::from("curl -sS");
    let headers = step.capture.iter().any(|(_, source)| matches!(source, Source::Header(_)));
    if headers {
        words.push_str(" -D headers");
    }
    if step.method != reqwest::Method::GET {
        words.push_str(&format!(" -X {}", step.method));
    }
    words.push_str(&format!(" {}", filled(&format!("{base}{}", step.path), step, Values::fill_path)));
    for (name, value) in &step.headers {
        words.push_str(&format!(" -H {}", filled(&format!("{name}: {value}"), step, Values::fill)));
    }
    for secret in secrets {
        words.push_str(&format!(" -H \"{secret}\""));
    }
    let pipe = match (&step.long, &step.body) {
        (Some(long), _) => {
            words.push_str(" --data-binary @-");
            let (before, piece, after) = (quoted(&long.before), quoted(&long.piece), quoted(&long.after));
            format!(
                "{{ printf %s {before}; yes {piece} | head -n {} | tr -d '\\n'; printf %s {after}; }} | ",
                long.times
            )
        }
        (None, Some(body)) => {
            words.push_str(&format!(" --data-raw {}", filled(body, step, Values::fill_json)));
            String::new()
        }
        (None, None) => String::new(),
    };
    let captured = !step.capture.is_empty();
    if captured { format!("answer=$({pipe}{words})\n") } else { format!("{pipe}{words}\n") }
}

/// By which rules a text is filled in: those of the place where it stands.
type Rules = fn(&Values, &str) -> String;

/// A word for the shell: `{name}` is a value of the row, or the variable of that name.
fn filled(text: &str, step: &Step, rules: Rules) -> String {
    let mut row = Values::default();
    for (name, value) in &step.row {
        row.put(name, value.clone());
    }
    let names: Vec<String> =
        super::values::placeholders(text).filter(|name| !row.knows(name)).map(ToOwned::to_owned).collect();
    let mut word = quoted(&rules(&row, text));
    for name in names {
        // Out of the single quotes, and into them again.
        word = word.replace(&format!("{{{name}}}"), &format!("'\"${name}\"'"));
    }
    word
}

fn captured(name: &str, source: &Source) -> String {
    match source {
        Source::Header(header) => {
            format!("{name}=$(sed -n 's/^{header}: *//Ip' headers | tr -d '\\r')\n")
        }
        Source::Pointer(pointer) => {
            let path: String = pointer
                .split('/')
                .skip(1)
                .map(|part| part.replace("~1", "/").replace("~0", "~"))
                .map(|part| match part.parse::<usize>() {
                    Ok(index) => format!("[{index}]"),
                    Err(_) => format!("[{part:?}]"),
                })
                .collect();
            format!("{name}=$(printf %s \"$answer\" | jq -r {})\n", quoted(&format!(".{path}")))
        }
    }
}
