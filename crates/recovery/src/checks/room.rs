//! Room for a second copy of the database on the server's disk.

use std::path::Path;

use runbook::check::CheckError;
use runbook::reader::Reader;

/// `(bytes of the database, bytes free where the server keeps it)`; `None` when this machine cannot know.
pub(super) async fn room(reader: &mut Reader) -> Result<(i64, Option<u64>), CheckError> {
    let size: i64 =
        reader.scalar("SELECT pg_catalog.pg_database_size(pg_catalog.current_database())").await?;
    // NULL for a role that may not see the setting. The name of its folder proves nothing on another machine, so the
    // server's own lock file has to be there as well.
    let folder: Option<String> = reader
        .scalar("SELECT (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory')")
        .await?;
    let here = folder.as_deref().map(Path::new).filter(|folder| folder.join("postmaster.pid").exists());
    let free =
        here.and_then(|folder| rustix::fs::statvfs(folder).ok()).map(|disk| disk.f_bavail * disk.f_frsize);
    Ok((size, free))
}
