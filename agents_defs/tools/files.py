"""Tools that list, read, search and write texts in the folder of the tenant who is asking, and only there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from agents import ModelBehaviorError, RunContextWrapper, function_tool
from pydantic import Field

from agents_defs.equipment import equipment
from agents_defs.file_names import FileRefused
from agents_defs.run_context import RunContext
from agents_defs.tool_effects import idempotency_key, idempotent
from agents_defs.tools.orders import as_json
from agents_defs.tools.shop_access import unfit

if TYPE_CHECKING:
    from agents_defs.file_room import Room

LONGEST_PATH = 500
LONGEST_TEXT = 200_000
Path = Annotated[str, Field(description="Relative, such as reports/2026/march.md.", max_length=LONGEST_PATH)]
Folder = Annotated[str, Field(description="Relative; empty: all of it.", max_length=LONGEST_PATH)]
_LOG = logging.getLogger("penstock.tools")

# None of these is `async`: the SDK calls them in threads, where waiting for a disk holds nobody up.


def told_to_the_model(_context: RunContextWrapper[Any], error: Exception) -> str:
    """What the model can do about it; no path of this machine."""
    if isinstance(error, ModelBehaviorError):
        return unfit(error)
    if isinstance(error, FileRefused):
        return f"Not done: {error}."
    _LOG.warning("a tool of files failed: %s", type(error).__name__)
    return (
        "The files cannot be reached. Whether something was written is not known: look before you try again."
    )


@idempotent
@function_tool(failure_error_function=told_to_the_model)
def list_files(context: RunContextWrapper[RunContext], folder: Folder = "") -> str:
    """Lists the files and folders in a folder, with sizes in bytes."""
    with _room(context) as room:
        found = room.listed(folder)
    return as_json(
        {
            "folders": [entry.path for entry in found if entry.folder],
            "files": [{"path": entry.path, "bytes": entry.size} for entry in found if not entry.folder],
        }
    )


@idempotent
@function_tool(failure_error_function=told_to_the_model)
def read_file(
    context: RunContextWrapper[RunContext],
    path: Path,
    first_line: Annotated[int, Field(ge=1)] = 1,
    lines: Annotated[int, Field(description="How many.", ge=1, le=1000)] = 300,
) -> str:
    """Reads a text file, or some of its lines."""
    with _room(context) as room:
        all_lines = room.read(path).split("\n")
    shown = "\n".join(all_lines[first_line - 1 : first_line - 1 + lines])[:LONGEST_TEXT]
    return as_json({"path": path, "lines": len(all_lines), "first_line": first_line, "text": shown})


@idempotent
@function_tool(failure_error_function=told_to_the_model)
def search_files(
    context: RunContextWrapper[RunContext],
    words: Annotated[
        str, Field(description="Some words as they stand in a line.", min_length=2, max_length=200)
    ],
    folder: Folder = "",
) -> str:
    """Finds the lines that hold some words, in all text files of a folder and below it."""
    with _room(context) as room:
        found = room.search(words, folder)
    return as_json({"found": [{"path": one.path, "line": one.line, "text": one.text} for one in found]})


@idempotent
@function_tool(failure_error_function=told_to_the_model)
def write_file(
    context: RunContextWrapper[RunContext],
    path: Path,
    text: Annotated[str, Field(max_length=LONGEST_TEXT)],
    overwrite: Annotated[bool, Field(description="Replace a file that is there.")] = False,
) -> str:
    """Writes a text file whole. Folders are made as needed."""
    from agents_defs.file_write import write  # locks, which not every system has

    with _room(context) as room:
        done = write(room, path, text, idempotency_key(context), overwrite)
    return as_json({"path": path, "bytes": len(text.encode()), "done": done})


@contextmanager
def _room(context: RunContextWrapper[RunContext]) -> Iterator[Room]:
    rooms = equipment().files()
    if rooms is None:
        raise FileRefused("there are no files here")
    with rooms.room(context.context.tenant_id) as room:
        yield room
