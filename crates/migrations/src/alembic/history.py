"""Prints an alembic project's revisions as one line of JSON. It loads each revision file by itself, so that
one that is broken is named with its line, and leaves judging the graph to the caller.

Arguments: the path of alembic.ini. It connects to nothing.
"""

import ast
import gc
import json
import os
import sys
import traceback

# It ends before there is anything to collect, and an eighth of the imports' time went into looking.
gc.disable()

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import load_python_file


def listed(value):
    """The parents of a revision, however they are written."""
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def undoable(source):
    """Whether `downgrade` does something: a `raise` or a `pass` alone, or no function, is no way back."""
    bodies = {
        node.name: [
            statement
            for statement in node.body
            if not isinstance(statement, ast.Pass)
            and not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        ]
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    }
    if "downgrade" not in bodies:
        return False
    down = bodies["downgrade"]
    if not down:
        return not bodies.get("upgrade")
    return not isinstance(down[0], ast.Raise)


def broken(path, error):
    """The file, the line within it, and the words of an error."""
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    for frame in traceback.extract_tb(error.__traceback__):
        if os.path.realpath(frame.filename) == os.path.realpath(path):
            line = frame.lineno
    text = error.msg if isinstance(error, SyntaxError) else f"{type(error).__name__}: {error}"
    return {"file": path, "line": line, "text": " ".join(text.split())}


def main():
    script = ScriptDirectory.from_config(Config(sys.argv[1]))
    revisions, problems = [], []
    for folder in script.version_locations or [os.path.join(script.dir, "versions")]:
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if not name.endswith(".py") or name == "__init__.py":
                continue
            try:
                with open(path, encoding="utf-8") as file:
                    source = file.read()
                module = load_python_file(folder, name)
                if not hasattr(module, "revision"):
                    problems.append({"file": path, "line": None, "text": "it names no revision"})
                    continue
                doc = " ".join((module.__doc__ or "").strip().split("\n")[0].split())
                revisions.append(
                    {
                        "id": module.revision,
                        "parents": listed(module.down_revision),
                        "name": doc,
                        "file": path,
                        "reversible": undoable(source),
                    }
                )
            except UnicodeDecodeError:
                problems.append({"file": path, "line": None, "text": "it is not UTF-8"})
            except (Exception, SystemExit) as error:
                problems.append(broken(path, error))
    json.dump({"revisions": revisions, "problems": problems}, sys.stdout)


main()
