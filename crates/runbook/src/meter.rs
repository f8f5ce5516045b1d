//! How far a check is, for whoever watches.

use crate::context::Context;

/// Takes a few words about what goes on inside a check: `3 of 12 foreign keys, about 40 s left`. Who runs the checks
/// puts one into the [`Stash`](crate::stash::Stash); without one, nothing is said.
pub struct Meter(Box<dyn Fn(&str) + Send + Sync>);

impl Meter {
    /// A meter that hands the words on.
    pub fn new(say: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Box::new(say))
    }

    /// Says where the check is.
    pub fn say(context: &Context, words: &str) {
        if let Some(meter) = context.stash.get::<Self>() {
            (meter.0)(words);
        }
    }
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}
