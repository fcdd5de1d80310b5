"""Paint: rows of styled spans as what Textual draws. Nothing in them is read as markup."""

from collections.abc import Mapping, Sequence

from textual.content import Content

from pi_fallback.tui.rows import Row, Style

COLOURS: Mapping[Style, str] = {
    "plain": "",
    "user": "bold $text-accent",
    "provisional": "$text-muted",
    "dim": "$text-disabled",
    "tool": "$text-secondary",
    "strong": "bold",
    "info": "$text-muted",
    "warning": "$text-warning",
    "error": "$text-error",
}


def painted(rows: Sequence[Row]) -> Content:
    return Content("\n").join(
        Content.assemble(*((span.text, COLOURS[span.style]) for span in row)) if row else Content() for row in rows
    )
