"""Prints the SQL of alembic revisions: what `--sql` writes, or what is really sent to the database. One line of JSON a
revision, behind a word that tells it from what an env.py may print.
"""

import gc
import io
import json
import sys

# It ends before there is anything to collect, and an eighth of the imports' time went into looking.
gc.disable()

from alembic import command
from alembic.config import Config

# Each further argument is FROM:TO.
mode, ini, *steps = sys.argv[1:]
out = io.StringIO()


def literal(cursor, statement, parameters):
    """The statement with its values in place, as far as the driver can write them."""
    if not parameters:
        return statement
    if hasattr(cursor, "mogrify"):
        text = cursor.mogrify(statement, parameters)
        return text.decode() if isinstance(text, bytes) else text
    from psycopg.sql import Literal

    if isinstance(parameters, dict):
        written = {name: Literal(value).as_string(cursor) for name, value in parameters.items()}
    else:
        written = tuple(Literal(value).as_string(cursor) for value in parameters)
    # psycopg's casts (`%(a)s::VARCHAR`) stay as they are.
    return statement % written


def listen():
    """Writes down each statement, and where transactions begin and end."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    inside = [False]

    @event.listens_for(Engine, "before_cursor_execute")
    def execute(connection, cursor, statement, parameters, context, executemany):
        autocommit = getattr(connection.connection.dbapi_connection, "autocommit", False) is True
        if not autocommit and not inside[0]:
            out.write("BEGIN;\n")
            inside[0] = True
        for values in parameters if executemany else [parameters]:
            text = literal(cursor, statement, values).strip().rstrip(";")
            if text:
                out.write(text + ";\n\n")

    def ended(connection):
        if inside[0]:
            out.write("COMMIT;\n")
            inside[0] = False

    event.listen(Engine, "commit", ended)
    event.listen(Engine, "rollback", ended)


if mode == "sent":
    listen()
for step in steps:
    said = "captured"
    try:
        if mode == "sent":
            command.upgrade(Config(ini), step.partition(":")[2])
        else:
            command.upgrade(Config(ini, output_buffer=out), step, sql=True)
    except Exception as error:
        # What cannot be written offline (a value without a literal form, say) may well be sent.
        said = "failed"
        out.seek(0)
        out.truncate()
        out.write(f"{type(error).__name__}: {error}".splitlines()[0])
    sys.stdout.write("\nrunbook-" + said + " " + json.dumps(out.getvalue()) + "\n")
    out.seek(0)
    out.truncate()
