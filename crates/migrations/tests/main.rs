//! One test binary; a module a topic.

mod alembic;
mod catalogue;
mod deployers;
mod equality;
mod folder;
mod sqlx_files;
mod support;
