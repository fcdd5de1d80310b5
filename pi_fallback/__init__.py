"""Keeps a coding agent working when its models fail."""

__version__ = "0.1.0"
