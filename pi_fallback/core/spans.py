"""Spans: how long, in words that people read."""


def span(seconds: float) -> str:
    """`seconds` in its two largest units: `45 s`, `12 min`, `1 h 5 min`, `3 d 2 h`."""
    whole = max(0, round(seconds))
    for unit, size, below, small in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60)):
        if whole >= size:
            rest = whole % size // small
            return f"{whole // size} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{whole // 60} min" if whole >= 120 else f"{whole} s"
