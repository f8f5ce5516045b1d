//! The right to write to a live target: only the command line of this very process can mint it.

/// Proof that the person who started this process allowed writes to the named target.
///
/// It cannot be made by hand:
///
/// ```compile_fail,E0451
/// let grant = runbook::grant::WriteGrant { target: "production".to_owned() };
/// ```
///
/// nor by anything but the command line of this process:
///
/// ```
/// assert!(runbook::grant::WriteGrant::from_command_line("production").is_none());
/// ```
#[derive(Debug)]
pub struct WriteGrant {
    target: String,
}

impl WriteGrant {
    /// Reads `--allow-writes NAME` from this process's own arguments; there is no other way to make one.
    pub fn from_command_line(target: &str) -> Option<Self> {
        let mut arguments = std::env::args_os().skip(1);
        while let Some(argument) = arguments.next() {
            let value = match argument.to_str() {
                Some("--allow-writes") => arguments.next().and_then(|value| value.into_string().ok()),
                Some(text) => text.strip_prefix("--allow-writes=").map(ToOwned::to_owned),
                None => None,
            };
            if value.as_deref() == Some(target) {
                return Some(Self { target: target.to_owned() });
            }
        }
        None
    }

    /// The target that may be written to.
    pub fn target(&self) -> &str {
        &self.target
    }
}
