//! `runbook describe TABLE`: what a table, view or type of a live database is, as `\d+` would tell it.

use std::fmt::Write as _;

use migrations::catalogue::{Attribute, Catalogue, Fact, ObjectName, Part};

use crate::arguments::{Describe, Global};
use crate::failure::{Exit, Failure};
use crate::screen::Screen;
use crate::{diff, settings};

/// What is told below the columns, in this order, under these words.
const BELOW: [(Part, &str); 6] = [
    (Part::Index, "Indexes"),
    (Part::Constraint, "Constraints"),
    (Part::Trigger, "Triggers"),
    (Part::Rule, "Rules"),
    (Part::Policy, "Policies"),
    (Part::Grant, "Privileges"),
];

/// Prints every object of that name.
pub(crate) async fn describe(command: &Describe, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let settings = settings::load(global)?.settings;
    let side = diff::live(&settings, command.target.as_deref(), command.database_url.as_deref()).await?;
    let home = settings.database.schemas.first().map(String::as_str).unwrap_or_default();
    let named: Vec<&ObjectName> =
        side.catalogue.names().filter(|object| is_called(object, &command.name, home)).collect();
    if named.is_empty() {
        let near = nearest(&side.catalogue, &command.name);
        return Err(Failure::said(format!(
            "{} has no `{}` in {}{near}",
            side.name,
            command.name,
            settings.database.schemas.join(", ")
        )));
    }
    if screen.json {
        let told: Vec<_> = named.iter().map(|object| as_json(&side.catalogue, object)).collect();
        screen.print(&format!("{:#}\n", serde_json::Value::Array(told)));
        return Ok(Exit::Go);
    }
    for object in named {
        screen.print(&told(&side.catalogue, object));
    }
    Ok(Exit::Go)
}

/// `projects`, `public.projects`, or as Postgres quotes it.
fn is_called(object: &ObjectName, name: &str, home: &str) -> bool {
    let plain = |text: &str| text.replace("\"\"", "\u{0}").replace('"', "").replace('\u{0}', "\"");
    let bare = object.name.split('(').next().unwrap_or(&object.name);
    [bare, &object.name]
        .iter()
        .any(|own| *own == name || plain(own) == name || format!("{home}.{}", plain(own)) == plain(name))
}

fn nearest(catalogue: &Catalogue, name: &str) -> String {
    let wanted = name.rsplit('.').next().unwrap_or(name).to_lowercase();
    // A letter or two are in most names.
    let holds = |one: &str, other: &str| other.chars().count() > 2 && one.contains(other);
    let like = catalogue.names().find(|object| {
        let own = object.name.to_lowercase();
        object.kind.is_relation() && (own == wanted || holds(&own, &wanted) || holds(&wanted, &own))
    });
    like.map(|object| format!("; did you mean `{}`?", object.name)).unwrap_or_default()
}

fn told(catalogue: &Catalogue, object: &ObjectName) -> String {
    let facts = catalogue.facts(object).unwrap_or_default();
    let mut text = format!("{object}\n");
    let told_below = |part: Part| part == Part::Column || BELOW.iter().any(|(known, _)| *known == part);
    for fact in facts.iter().filter(|fact| !told_below(fact.part)) {
        let _ = writeln!(text, "{fact}");
    }
    let columns: Vec<&Fact> = facts.iter().filter(|fact| fact.part == Part::Column).collect();
    if !columns.is_empty() {
        text.push_str(&table(&columns));
    }
    for (part, heading) in BELOW {
        let of: Vec<&Fact> = facts.iter().filter(|fact| fact.part == part).collect();
        if !of.is_empty() {
            let _ = writeln!(text, "{heading}:");
            for fact in of {
                let _ = writeln!(text, "    {} {}", fact.name, fact.definition().replace('\n', "\n        "));
            }
        }
    }
    let referring = referring(catalogue, object);
    if !referring.is_empty() {
        let _ = writeln!(text, "Referenced by:");
        for line in referring {
            let _ = writeln!(text, "    {line}");
        }
    }
    text.push('\n');
    text
}

/// The columns of a relation, a row each.
fn table(columns: &[&Fact]) -> String {
    let heading = ["Column", "Type", "Nullable", "Default", "More"].map(ToOwned::to_owned);
    let rows: Vec<[String; 5]> = columns
        .iter()
        .map(|fact| {
            let get = |attribute| fact.get(attribute).unwrap_or_default().to_owned();
            let collation = fact.get(Attribute::Collation).map(|name| format!(" collate {name}"));
            let default = [Attribute::Default, Attribute::Identity, Attribute::Generated]
                .iter()
                .find_map(|attribute| fact.get(*attribute).map(ToOwned::to_owned));
            let mut more = (*fact).clone();
            more.attributes.retain(|(attribute, _)| *attribute > Attribute::Default);
            [
                fact.name.clone(),
                get(Attribute::Base) + &collation.unwrap_or_default(),
                if fact.get(Attribute::NotNull).is_some() { "not null".into() } else { String::new() },
                default.unwrap_or_default(),
                more.definition(),
            ]
        })
        .collect();
    let width = |at: usize| {
        rows.iter().chain([&heading]).map(|row| row[at].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut text = String::new();
    for row in [&heading].into_iter().chain(&rows) {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())))
            .collect();
        let _ = writeln!(text, "  {}", cells.join(" | ").trim_end());
        if std::ptr::eq(row, &heading) {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            let _ = writeln!(text, "  {}", rules.join("-+-"));
        }
    }
    text
}

/// The foreign keys of other tables that refer to this one.
fn referring(catalogue: &Catalogue, object: &ObjectName) -> Vec<String> {
    let words = format!(" REFERENCES {}(", object.name);
    let mut lines = Vec::new();
    for other in catalogue.names().filter(|other| other.kind.is_relation()) {
        for fact in catalogue.facts(other).unwrap_or_default() {
            if fact.part == Part::Constraint && fact.base().contains(&words) {
                lines.push(format!("{} {} {}", other.name, fact.name, fact.base()));
            }
        }
    }
    lines
}

fn as_json(catalogue: &Catalogue, object: &ObjectName) -> serde_json::Value {
    let facts = catalogue.facts(object).unwrap_or_default().iter().map(|fact| {
        serde_json::json!({ "part": fact.part.word(), "name": fact.name, "definition": fact.definition() })
    });
    serde_json::json!({
        "kind": object.kind.word(),
        "name": object.name,
        "facts": facts.collect::<Vec<_>>(),
        "referenced_by": referring(catalogue, object),
    })
}
