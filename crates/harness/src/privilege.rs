//! Postgres refuses to run as root: who runs it then.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::HarnessError;

/// An unprivileged user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User {
    uid: u32,
    gid: u32,
}

/// The user that runs servers: `None` when this process is unprivileged already.
pub(crate) fn server_user() -> Result<Option<User>, HarnessError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let passwd = Path::new("/etc/passwd");
    let text = std::fs::read_to_string(passwd).map_err(HarnessError::io(passwd))?;
    ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| find(&text, name))
        .map(Some)
        .ok_or_else(|| HarnessError::Other("Postgres refuses to run as root, and /etc/passwd has neither postgres nor nobody: run as an unprivileged user".into()))
}

fn find(passwd: &str, name: &str) -> Option<User> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then_some(())?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then_some(User { uid, gid })
    })
}

/// Makes `command` run as `user`.
pub(crate) fn become_user(command: &mut Command, user: Option<User>) {
    if let Some(User { uid, gid }) = user {
        command.uid(uid).gid(gid);
    }
}

/// Gives a file or folder to `user`.
pub(crate) fn give(path: &Path, user: Option<User>) -> Result<(), HarnessError> {
    if let Some(User { uid, gid }) = user {
        std::os::unix::fs::lchown(path, Some(uid), Some(gid)).map_err(HarnessError::io(path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_found_by_name_and_is_never_root() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgres:x:105:112::/var/lib/postgresql:/bin/bash\nodd:x:0:0::/:/bin/sh\n";
        assert_eq!(find(passwd, "postgres"), Some(User { uid: 105, gid: 112 }));
        assert_eq!(find(passwd, "odd"), None);
        assert_eq!(find(passwd, "nobody"), None);
    }
}
