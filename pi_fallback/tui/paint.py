"""Paint: rows of styled spans as what Textual draws. Nothing in them is read as markup."""

from collections.abc import Mapping, Sequence

from textual.content import Content
from textual.style import Style as TextualStyle

from pi_fallback.tui.rows import Row, Span, Style

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
}  # and of a link none: a terminal shows links as it does


def painted(rows: Sequence[Row]) -> Content:
    return Content("\n").join(
        Content.assemble(*((span.text, _style(span)) for span in row)) if row else Content() for row in rows
    )


def _style(span: Span) -> str | TextualStyle:
    return TextualStyle(link=span.text) if span.style == "link" else COLOURS[span.style]
