//! New identities: project ids and etags that nobody can guess and no two writes share.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::envelope::hex;

/// An id for a project that brought no idempotency key.
pub(crate) fn project_id() -> String {
    format!("proj_{}", &hex(format!("project {}", nonce()).as_bytes())[..24])
}

/// The id that belongs to an idempotency key: the same key, the same project.
pub(crate) fn project_id_of(key: &str) -> String {
    format!("proj_{}", &hex(format!("idempotency key {key}").as_bytes())[..24])
}

/// An etag: 64 digits, a new one for every write, also for one that changes nothing.
pub(crate) fn etag(content_sha256: &str) -> String {
    hex(format!("etag {content_sha256} {}", nonce()).as_bytes())
}

/// Text that no other call and no other process gives: 256 bits from the system, and a counter.
fn nonce() -> String {
    static SEED: OnceLock<[u64; 4]> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // Each `RandomState` of a process differs from the last in a counter only, so the process and the time
    // are hashed in as well.
    let seed = SEED.get_or_init(|| {
        let now = std::time::SystemTime::now();
        std::array::from_fn(|_| RandomState::new().hash_one((now, std::process::id())))
    });
    format!("{seed:x?} {}", COUNT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_unless_their_key_is_the_same() {
        assert_ne!(project_id(), project_id());
        assert_ne!(etag("same"), etag("same"));
        assert_eq!(project_id_of("k"), project_id_of("k"));
        assert_ne!(project_id_of("k"), project_id_of("l"));
    }
}
