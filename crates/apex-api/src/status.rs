//! The life of a project: draft, estimating, submitted, then accepted or rejected for good.

use std::fmt;

/// Where a project stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Draft,
    Estimating,
    Submitted,
    Accepted,
    Rejected,
}

impl Status {
    pub(crate) const ALL: [Self; 5] =
        [Self::Draft, Self::Estimating, Self::Submitted, Self::Accepted, Self::Rejected];

    /// The status of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Estimating => "estimating",
            Self::Submitted => "submitted",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }

    /// Whether an update may take a project from here to there. Staying is a transition too, and only a draft
    /// and an estimate may stay: what was submitted is no longer edited.
    pub(crate) const fn may_become(self, to: Self) -> bool {
        matches!(
            (self, to),
            (Self::Draft, Self::Draft | Self::Estimating)
                | (Self::Estimating, Self::Estimating | Self::Submitted)
                | (Self::Submitted, Self::Accepted | Self::Rejected)
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_of_the_twenty_five_transitions_are_allowed() {
        let allowed: Vec<String> = Status::ALL
            .into_iter()
            .flat_map(|from| Status::ALL.map(|to| (from, to)))
            .filter(|(from, to)| from.may_become(*to))
            .map(|(from, to)| format!("{from} → {to}"))
            .collect();
        assert_eq!(
            allowed,
            [
                "draft → draft",
                "draft → estimating",
                "estimating → estimating",
                "estimating → submitted",
                "submitted → accepted",
                "submitted → rejected"
            ]
        );
    }
}
