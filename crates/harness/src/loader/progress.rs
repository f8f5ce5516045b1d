//! What is told while rows are loaded.

/// Somebody who watches a load. Every method may be called from any task, and does nothing by default.
pub trait Progress: Send + Sync {
    /// So many rows were sent, of so many altogether.
    fn rows(&self, _sent: u64, _of: u64) {}
    /// What goes on now, in a few words: `building 18 indexes`.
    fn phase(&self, _words: &str) {}
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Progress for Unwatched {}
