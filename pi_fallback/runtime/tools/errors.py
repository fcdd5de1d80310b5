"""What a tool tells the model when it could not do its work."""


class ToolError(Exception):
    """Its text is the whole answer: what is wrong, and what to do next."""


def unusable(path: str, error: OSError) -> ToolError:
    """Say why `path` cannot be used, without the words of a traceback."""
    match error:
        case FileNotFoundError():
            return ToolError(f"{path} does not exist. `ls` or `find` shows what there is.")
        case IsADirectoryError():
            return ToolError(f"{path} is a directory. `ls` lists it.")
        case NotADirectoryError():
            return ToolError(f"{path} cannot be used: a part of that path is not a directory.")
        case PermissionError():
            return ToolError(f"{path} may not be used: permission denied.")
        case _:
            return ToolError(f"{path} cannot be used: {error.strerror or error}.")
