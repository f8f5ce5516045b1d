//! The rules: what each is about, who is kept waiting, and what to write instead. How they are found is in
//! `squawk` (what squawk's linter knows) and `own` (what it does not).

mod breaks;
mod loses;
mod retry;
mod stall;

use super::class::Class;

/// How much a finding of a rule weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// It makes a migration a hazard.
    Error,
    /// Worth knowing, no more.
    Advice,
}

/// Who finds it in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// squawk's linter, by this rule of its own.
    Squawk(&'static str),
    /// Our own look at the tree.
    Own,
    /// Nobody: it is seen on the copy only.
    Measured,
}

/// A rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, which an allow comment gives.
    pub id: &'static str,
    /// The kind of harm.
    pub class: Class,
    /// How much it weighs.
    pub level: Level,
    /// Who finds it.
    pub source: Source,
    /// What happens, in a sentence without a full stop.
    pub why: &'static str,
    /// What is locked, in which mode.
    pub locks: &'static str,
    /// Who waits, or who is hurt.
    pub waits: &'static str,
    /// What to write instead.
    pub instead: &'static str,
    /// Whether a measurement can tell that it does not apply here: what it cannot see stands as it is.
    pub measurable: bool,
}

/// All rules, by class and name.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    stall::RULES.iter().chain(breaks::RULES).chain(loses::RULES).chain(retry::RULES)
}

/// The rule of this name.
pub fn named(id: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.id == id)
}

/// The name that shares the most with this one.
pub fn nearest(id: &str) -> Option<&'static str> {
    let likeness = |other: &str| {
        let start = id.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
        let end = id.chars().rev().zip(other.chars().rev()).take_while(|(a, b)| a == b).count();
        start + end
    };
    all()
        .map(|rule| rule.id)
        .max_by_key(|other| likeness(other))
        .filter(|other| likeness(other) * 2 > id.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_given_once_and_every_rule_says_what_to_do() {
        let names: BTreeSet<&str> = all().map(|rule| rule.id).collect();
        assert_eq!(names.len(), all().count());
        for rule in all() {
            let texts = [rule.why, rule.locks, rule.waits, rule.instead];
            assert!(texts.iter().all(|text| !text.is_empty() && !text.ends_with('.')), "{}", rule.id);
        }
        assert_eq!(nearest("index-not-concurent"), Some("index-not-concurrent"));
        assert_eq!(nearest("zzz"), None);
    }
}
