//! How often the rules are right: precision and recall against labelled migrations.

/// Right and wrong answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Score {
    /// Hazards that were called so.
    pub hits: usize,
    /// Hazards that were called safe, by name.
    pub missed: Vec<String>,
    /// Safe migrations that were called hazards, by name.
    pub wronged: Vec<String>,
    /// Safe migrations that were called so.
    pub passed: usize,
}

impl Score {
    /// Counts one answer.
    pub fn count(&mut self, name: &str, is_hazard: bool, said: bool) {
        match (is_hazard, said) {
            (true, true) => self.hits += 1,
            (true, false) => self.missed.push(name.to_owned()),
            (false, true) => self.wronged.push(name.to_owned()),
            (false, false) => self.passed += 1,
        }
    }

    /// The share of hazards that were called so; of none it is not a number.
    pub fn recall(&self) -> f64 {
        self.hits as f64 / (self.hits + self.missed.len()) as f64
    }

    /// The share of those called hazards that are.
    pub fn precision(&self) -> f64 {
        self.hits as f64 / (self.hits + self.wronged.len()) as f64
    }

    /// How many there were.
    pub fn all(&self) -> usize {
        self.hits + self.missed.len() + self.wronged.len() + self.passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recall_is_of_the_hazards_and_precision_of_those_called_so() {
        let mut score = Score::default();
        for (hazard, said) in [(true, true), (true, true), (true, false), (false, true), (false, false)] {
            score.count("a", hazard, said);
        }
        assert!((score.recall() - 2.0 / 3.0).abs() < 1e-9 && (score.precision() - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!((score.all(), score.missed.len(), score.wronged.len()), (5, 1, 1));
        assert!(Score::default().recall().is_nan());
    }
}
