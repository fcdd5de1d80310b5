"""Limits: how much of an output a model gets."""

MAX_LINES = 2000
MAX_BYTES = 50 * 1024
FILE_S = 30.0  # a file system that needs longer for one file hangs


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
