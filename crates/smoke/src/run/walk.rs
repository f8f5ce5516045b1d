//! A list, read page by page while rows are inserted: nothing is skipped, nothing comes twice.

use std::collections::BTreeSet;

use runbook::check::CheckError;
use runbook::verdict::Evidence;
use serde_json::Value;

use super::{Runner, fetch};
use crate::case::{Step, Values, Walk};
use crate::http::Sent;

/// No list of a contract is longer, in pages.
const PAGES: usize = 200;

impl Runner<'_> {
    /// Walks, and says what was skipped or came twice.
    pub(super) async fn walk(
        &self,
        step: &Step,
        walk: &Walk,
        values: &mut Values,
        evidence: &mut Evidence,
    ) -> Result<Vec<String>, CheckError> {
        let first_column = |row: &Value| {
            let value = row.as_object().and_then(|row| row.values().next());
            value.and_then(Value::as_str).map(ToOwned::to_owned)
        };
        let all: BTreeSet<String> =
            fetch(self.context, &walk.all, values).await?.iter().filter_map(first_column).collect();
        if all.len() < 2 {
            return Ok(vec![format!(
                "in the database: expected at least 2 rows to page through, found {}",
                all.len()
            )]);
        }
        let mut seen: Vec<String> = Vec::new();
        for page in 0..PAGES {
            values.put("skip", seen.len().to_string());
            let answer = match self.http.send(&self.sent(step, values)).await {
                Ok(answer) => answer,
                Err(problem) => return Ok(vec![format!("expected an answer, got {problem}")]),
            };
            evidence.examine(1);
            let mut problems = Vec::new();
            self.judge(step, &answer, values, &mut problems);
            let json = answer.json().unwrap_or_default();
            let items = json.pointer(&walk.items).and_then(Value::as_array);
            if items.is_none() && problems.is_empty() {
                problems.push(format!("{}: expected a list, found {}", walk.items, answer.shown()));
            }
            let (Some(items), true) = (items, problems.is_empty()) else { return Ok(problems) };
            if items.is_empty() {
                return Ok(judged(&all, &seen));
            }
            for item in items {
                match item.pointer(&walk.key).and_then(Value::as_str) {
                    Some(key) => seen.push(key.to_owned()),
                    None => return Ok(vec![format!("{}: expected a key, found {item}", walk.key)]),
                }
            }
            // Fewer writes than pages, so that the list ends.
            if page < all.len() {
                let insert = self.write(walk.method.clone(), &walk.path, &walk.body, values);
                if let Some(problem) = self.inserted(&insert).await {
                    return Ok(vec![problem]);
                }
            }
        }
        Ok(vec![format!("the list did not end within {PAGES} pages")])
    }

    async fn inserted(&self, insert: &Sent) -> Option<String> {
        match self.http.send(insert).await {
            Ok(answer) if answer.status.is_success() => {
                self.note_key(&answer);
                None
            }
            Ok(answer) => {
                Some(format!("the write between two pages: expected a success, found {}", answer.shown()))
            }
            Err(problem) => Some(format!("the write between two pages: expected an answer, got {problem}")),
        }
    }
}

fn judged(all: &BTreeSet<String>, seen: &[String]) -> Vec<String> {
    let mut once = BTreeSet::new();
    let twice: BTreeSet<&String> = seen.iter().filter(|key| !once.insert(*key)).collect();
    let mut problems = Vec::new();
    if let Some(key) = twice.first() {
        problems.push(format!("{key} is on two pages, as are {} others", twice.len() - 1));
    }
    let skipped: Vec<&String> = all.iter().filter(|key| !once.contains(key)).collect();
    if let Some(key) = skipped.first() {
        problems.push(format!("{key} is on no page, as are {} others", skipped.len() - 1));
    }
    problems
}
