//! What a bench is asked for on its command line: criterion's arguments, read before criterion reads them. It panics at some,
//! and the benches that are our own never heard of them.

use std::collections::VecDeque;

use regex::Regex;

/// Criterion's options without a value. Those of one letter can stand together.
const FLAGS: [&str; 17] = [
    "--verbose",
    "-v",
    "--quiet",
    "--noplot",
    "-n",
    "--discard-baseline",
    "--list",
    "--ignored",
    "--exact",
    "--quick",
    "--test",
    "--bench",
    "--nocapture",
    "--show-output",
    "--include-ignored",
    "--help",
    "-h",
];

/// Those with one.
const VALUED: [(&str, Value); 20] = [
    ("--color", Value::Word),
    ("--colour", Value::Word),
    ("-c", Value::Word),
    ("--save-baseline", Value::Word),
    ("-s", Value::Word),
    ("--baseline", Value::Word),
    ("-b", Value::Word),
    ("--baseline-lenient", Value::Word),
    ("--load-baseline", Value::Word),
    ("--format", Value::Word),
    ("--plotting-backend", Value::Word),
    ("--output-format", Value::Word),
    ("--profile-time", Value::Seconds),
    ("--warm-up-time", Value::Seconds),
    ("--measurement-time", Value::Seconds),
    ("--sample-size", Value::AtLeast(10)),
    ("--nresamples", Value::AtLeast(1)),
    ("--noise-threshold", Value::Positive),
    ("--confidence-level", Value::Share),
    ("--significance-level", Value::Share),
];

/// What a value must be, where criterion ends with a panic at another.
#[derive(Debug, Clone, Copy)]
enum Value {
    Word,
    Seconds,
    Positive,
    AtLeast(usize),
    Share,
}

/// A day: beyond it criterion's arithmetic has an end.
const LONGEST: f64 = 86_400.0;

impl Value {
    /// What is wrong with this one.
    fn wrong(self, text: &str) -> Option<String> {
        let number = text.parse::<f64>().ok();
        match self {
            Self::Word => None,
            Self::Seconds if number.is_some_and(|number| (1e-9..=LONGEST).contains(&number)) => None,
            Self::Seconds => Some(format!("seconds above 0, up to {LONGEST}")),
            Self::Positive if number.is_some_and(|number| number.is_finite() && number >= 0.0) => None,
            Self::Positive => Some("a number from 0 on".into()),
            Self::AtLeast(least) if text.parse::<usize>().is_ok_and(|number| number >= least) => None,
            Self::AtLeast(least) => Some(format!("a whole number from {least} on")),
            Self::Share if number.is_some_and(|number| number > 0.0 && number < 1.0) => None,
            Self::Share => Some("a number between 0 and 1".into()),
        }
    }
}

/// What a bench is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Measure, and judge.
    Judges,
    /// `--test`, `--profile-time`, `--load-baseline`, or not started by `cargo bench`: there is nothing to judge.
    RunsOnly,
    /// `--list`.
    Lists,
    /// `--help`.
    Helps,
}

/// Which benches.
#[derive(Debug, Clone)]
pub enum Filter {
    All,
    Exact(String),
    Like(Regex),
}

impl Filter {
    pub fn lets_through(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Exact(whole) => whole == name,
            Self::Like(pattern) => pattern.is_match(name),
        }
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => write!(f, "of no words"),
            Self::Exact(text) => write!(f, "{text}"),
            Self::Like(pattern) => write!(f, "{pattern}"),
        }
    }
}

/// A command line that was read.
#[derive(Debug, Clone)]
pub struct Asked {
    pub mode: Mode,
    pub filter: Filter,
}

impl Asked {
    /// Reads the arguments, without the program's name.
    ///
    /// # Errors
    /// One sentence about the first that criterion would not take.
    pub fn of(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut rest: VecDeque<String> = arguments.collect();
        let (mut bench, mut only, mut lists, mut helps, mut exact) = (false, false, false, false, false);
        let mut words: Vec<String> = Vec::new();
        while let Some(argument) = rest.pop_front() {
            if argument == "--" {
                words.extend(rest.drain(..));
                break;
            }
            if !argument.starts_with('-') || argument == "-" {
                words.push(argument);
                continue;
            }
            let (name, mut value) = match argument.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            if let Some((_, kind)) = VALUED.iter().find(|(known, _)| *known == name) {
                value = value.or_else(|| rest.pop_front().filter(|next| !next.starts_with("--")));
                let value = value.ok_or_else(|| format!("{name} takes a value"))?;
                if let Some(wanted) = kind.wrong(&value) {
                    return Err(format!("{name} {value}: it takes {wanted}"));
                }
            } else if !FLAGS.contains(&name.as_str()) && !is_several_letters(&name) {
                return Err(format!("there is no option {name}; --help names those of criterion"));
            } else if value.is_some() {
                return Err(format!("{name} takes no value"));
            }
            match name.as_str() {
                "--bench" => bench = true,
                "--list" => lists = true,
                "--exact" => exact = true,
                "--help" | "-h" => helps = true,
                "--test" | "--profile-time" | "--load-baseline" => only = true,
                _ => {}
            }
        }
        let mode = match (helps, lists) {
            (true, _) => Mode::Helps,
            (_, true) => Mode::Lists,
            _ if bench && !only => Mode::Judges,
            _ => Mode::RunsOnly,
        };
        Ok(Self { mode, filter: filter(words, exact)? })
    }
}

fn filter(words: Vec<String>, exact: bool) -> Result<Filter, String> {
    match words.as_slice() {
        [] => Ok(Filter::All),
        [one] if exact => Ok(Filter::Exact(one.clone())),
        [one] => Regex::new(one).map(Filter::Like).map_err(|error| {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("the filter {one} is no regular expression: {why}; --exact takes a name as it is")
        }),
        [_, more, ..] => Err(format!("one filter is taken, and {more} is a second")),
    }
}

/// `-nv`.
fn is_several_letters(name: &str) -> bool {
    let letters = name.strip_prefix('-').unwrap_or_default();
    !letters.is_empty() && letters.chars().all(|letter| ['v', 'n', 'h'].contains(&letter))
}
