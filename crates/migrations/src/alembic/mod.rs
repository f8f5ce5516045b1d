//! An alembic project, run by alembic in a child process.
