"""`write`: a file, whole."""

from collections.abc import Mapping

from pydantic import Field

from pi_fallback.runtime.tools.arguments import Arguments
from pi_fallback.runtime.tools.errors import ToolError, unusable
from pi_fallback.runtime.tools.files import replace_file
from pi_fallback.runtime.tools.limits import counted
from pi_fallback.runtime.tools.paths import resolved, shown
from pi_fallback_hookspecs import Json

WRITE = "Write a file: make a new one, folders included, or replace all of an old one. To change a part, use `edit`."


class WriteArguments(Arguments):
    path: str = Field(description="the file, relative to the working directory or absolute")
    content: str = Field(description="the whole text of the file")


def write(cwd: str, arguments: WriteArguments) -> str:
    path = resolved(cwd, arguments.path)
    name = shown(cwd, path)
    data = encoded(arguments.content)
    try:
        new = not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data)
    except FileExistsError as error:
        raise ToolError(f"{name} cannot be made: a part of that path is not a directory.") from error
    except OSError as error:
        raise unusable(name, error) from error
    return f"{'Made' if new else 'Replaced'} {name} ({counted(len(data), 'byte')})."


def encoded(text: str) -> bytes:
    """Return `text` as UTF-8.

    Raises:
        ToolError: it holds half a character.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ToolError(f"The text holds half a character (a lone surrogate) at position {error.start}.") from error


def preview(arguments: Mapping[str, Json]) -> str:
    return f"{arguments.get('path')}\n{arguments.get('content')}"
