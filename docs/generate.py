"""Writes the pages that are made from the code: run `just docs` after a change of the contract."""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import get_args, get_type_hints

import pi_fallback_hookspecs as contract
from pi_fallback.core.error_speakers import SPEAKERS
from pi_fallback.core.error_texts import LAST, TEXTS, USERS
from pi_fallback.runtime.signals import Signals

HERE = Path(__file__).parent

INTRO = """\
# Hooks, effects and signals

This page is generated from `pi_fallback_hookspecs` by `docs/generate.py`; [plugins.md](plugins.md)
shows how to write a plugin. Contract version {version}.

A plugin is asked through *hooks* and answers with values. What it wants done it returns as
*effects*, which the host performs in a fixed order: ledger, timers, route, screen, run. Who only
wants to watch connects to *signals*.

## Shapes

How the answers of several plugins become one. Plugins are asked in an explicit order: built-in
plugins of the failover kind, third parties in the order in which they were found, progress
detection last.

| shape | hooks | meaning |
|---|---|---|
"""
SHAPES = {
    contract.Shape.COLLECT: "all are asked; the effects of all are gathered, then performed",
    contract.Shape.DECIDE: "asked in order until one decides; its answer is taken whole",
    contract.Shape.FIRST: "the first answer counts",
    contract.Shape.FOLD: "each gets what the one before it returned",
    contract.Shape.VETO: "all are asked; any refusal holds",
    contract.Shape.EXTEND: "asked once, when the plugin is loaded",
}
EVERY_EVENT = """\
## What every event has

Events, and all they hold, are frozen. Moments are seconds on the monotonic clock, like `view.now`;
add to it to name a later one. Ask `event.can` before you order what not every host is able to do.

"""
SIGNALS = """\
## Signals

Signals tell and nobody decides there: a status line, a log, a metric. They are
[blinker](https://blinker.readthedocs.io) signals of one host, attributes of its `signals`;
receivers are called in the event loop with the sender and the arguments by name, and one that
raises is logged. blinker holds receivers weakly, so keep yours, or connect it with `weak=False`.

| signal | when, from whom, with what |
|---|---|
"""


def hooks_page() -> str:
    return "".join(_hooks_page()).rstrip() + "\n"


def _hooks_page() -> Iterator[str]:
    yield INTRO.format(version=contract.CONTRACT_VERSION)
    for shape, meaning in SHAPES.items():
        hooks = ", ".join(f"[`{hook}`](#{hook})" for hook, its in contract.SHAPES.items() if its is shape)
        yield f"| {shape.value} | {hooks} | {meaning} |\n"
    yield "\n" + EVERY_EVENT + _fields(contract.Event) + "\n" + _fields(contract.View)
    for spec in contract.SPECS:
        yield f"\n## {spec.__name__}\n\n{inspect.getdoc(spec)}\n"
        for hook, shape in contract.SHAPES.items():
            if hook in vars(spec):
                yield _hook(hook, shape, vars(spec)[hook])
    yield "\n## Effects\n\nOrders to the host. Return one, or several in a list.\n"
    yield from map(_value, get_args(contract.Effect))
    yield "\n## Decisions\n\nAnswers to [`request_failed`](#request_failed).\n"
    yield from map(_value, get_args(contract.Decision))
    yield "\n## Answers to before_compact\n\nAnswers to [`before_compact`](#before_compact).\n"
    yield from map(_value, get_args(contract.CompactAnswer))
    yield "\n## Other answers\n"
    kinds = (contract.Judgement, contract.Provider, contract.OAuthEndpoints, contract.Command, contract.Tool)
    yield from map(_value, (*kinds, contract.ErrorRow))
    yield "\n" + SIGNALS
    for signal in Signals().all:
        yield f"| `{signal.name}` | {signal.__doc__} |\n"


def _hook(hook: str, shape: contract.Shape, function: Callable[..., object]) -> str:
    text = inspect.getdoc(function) or ""
    prose, _, example = text.partition("Example:\n")
    prose = re.sub(r"^(Returns|Order):", r"**\1:**", prose, flags=re.MULTILINE)
    paragraphs = [inspect.cleandoc(paragraph) for paragraph in re.split(r"\n(?=\*\*Order)", prose.strip())]
    event = get_type_hints(function).get("event")
    parts = [f"\n### {hook}\n", f"*{shape.value}*\n", *(f"{paragraph}\n" for paragraph in paragraphs)]
    if event is not None:
        parts.append(f"`event`: `{event.__name__}`. {_told(event)}\n")
        parts.append(_fields(event, inherited=False))
    parts.append("```python\n@hookimpl\n" + textwrap.dedent(example).strip() + "\n```\n")
    return "\n".join(part for part in parts if part)


def _value(kind: type) -> str:
    return f"\n### {kind.__name__}\n\n{_told(kind)}\n\n{_fields(kind)}"


def _told(kind: type) -> str:
    """The docstring of `kind`; the one that a dataclass makes of itself says nothing."""
    text = inspect.getdoc(kind) or ""
    return "" if text.startswith(f"{kind.__name__}(") else text


def _fields(kind: type, *, inherited: bool = True) -> str:
    """A table of the fields of a dataclass, as its source has them: types keep the names of their aliases."""
    own = list(_declared(kind))
    if inherited and contract.Event in kind.__mro__[1:]:
        own = [*_declared(contract.Event), *own]
    if not own:
        return ""
    rows = [f"| `{name}` | `{annotation}` | {default} |" for name, annotation, default in own]
    return "\n".join([f"| {kind.__name__} | type | default |", "|---|---|---|", *rows]) + "\n"


def _declared(kind: type) -> Iterator[tuple[str, str, str]]:
    """Name, type and default of each field, in cells of a table."""
    (declaration,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(declaration, ast.ClassDef)
    for line in declaration.body:
        if isinstance(line, ast.AnnAssign):
            annotation = ast.unparse(line.annotation).replace("|", "\\|")
            yield ast.unparse(line.target), annotation, _default(line.value)


def _default(value: ast.expr | None) -> str:
    if value is None:
        return ""
    return "empty" if isinstance(value, ast.Call) and ast.unparse(value.func) == "field" else f"`{ast.unparse(value)}`"


WRITTEN = "<!-- what follows is written by `just docs` -->\n"


def classifier_page() -> str:
    """The page as somebody has written it, with the tables of today behind it."""
    written, mark, _ = (HERE / "classifier.md").read_text(encoding="utf-8").partition(WRITTEN)
    known = (*USERS, *TEXTS, *LAST)
    rows = [(row.name, row.kind.value, row.at, row.example, row.source) for row in known]
    speakers = [(one.name, "yes" if one.surely else "no", one.example, one.source) for one in SPEAKERS]
    return f"""{written}{mark}
## The table of wordings

Where a row may speak: `any` at any status; `soft` not at 400, 404, 422 and their like; `server` without a status,
at a good one or a 5xx; `bare` only without a status or at a good one. The last row is asked after the status.

{_table(("row", "kind", "at", "example", "source"), rows)}
## Who is not the model

{_table(("speaker", "also with a status", "example", "source"), speakers)}"""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([_cell(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cell(text: str) -> str:
    return text.replace("\n", " ⏎ ").replace("|", "\\|").replace("<", "&lt;").replace("`", "'")


PAGES = {"hooks.md": hooks_page, "classifier.md": classifier_page}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
        sys.stdout.write(f"docs/{name}\n")
