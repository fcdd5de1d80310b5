"""The system prompt of our own agent."""

from collections.abc import Iterable

from pi_fallback_hookspecs import Tool


def system_prompt(cwd: str, tools: Iterable[Tool]) -> str:
    names = ", ".join(tool.name for tool in tools)
    return (
        "You are a coding agent in a terminal. You work in the user's project with tools and say what you did.\n"
        f"Working directory: {cwd}\n"
        f"Tools: {names}\n"
        "Read before you change. Make the smallest change that solves the task, then check it by running what the "
        "project runs. A tool result that says it may have run must be checked before it is repeated. If you are told "
        "to continue, go on from where the conversation stands and do not start over."
    )
