"""Limits of the wire, in one place. Each has a test that it holds. Those that a model may set are `Limits`."""

KIB, MIB = 1024, 1024 * 1024

ERROR_BODY_S = 5.0  # an error's status is known: its text is worth a short wait, no more
TAIL_S = 0.5  # after a finish reason: for usage, `[DONE]` and the end, some of which some hosts never send
CLOSE_S = 1.0  # closing a socket never takes longer
IDLE_S = 60.0  # an idle connection is kept so long; tools between two turns often take a minute

HEADERS = 200
HEAD_BYTES = 64 * KIB  # the client's own limit is a little higher
ERROR_TEXT = 64 * KIB
TEXT_BYTES = 256 * KIB  # of a small answer, such as a login's server gives
LINE_BYTES = 4 * MIB
EVENT_BYTES = 4 * MIB  # also of an answer that is one JSON text
EVENT_NODES = 100_000  # objects and arrays of a large event: parsed, each is forty times as long as its two brackets
ANSWER_CHARS = 8 * MIB  # about two million tokens; a character can take four bytes, and the whole is copied once
BLOCK_CHARS = 256  # what a block counts for beside its text, because an empty one is not free
ARGUMENT_CHARS = MIB  # of all tool calls of an answer
TOOL_CALLS = 512  # in one answer

RETRY_AFTER_S = 31 * 86_400.0
