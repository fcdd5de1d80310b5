set positional-arguments

# everything that must hold before a change lands
check: lint types contracts test

# format and lint
lint:
    ruff format --check .
    ruff check .

# strict types
types:
    basedpyright

# who may import whom
contracts:
    lint-imports

# the tests; arguments go to pytest
test *args:
    python -m pytest "$@"

# the long forms of tests that kill processes and contend for files
test-long *args:
    PI_FALLBACK_LONG=1 python -m pytest "$@"

# every fault in every dialect at every phase, through a whole agent, as a table
faults *args:
    python -m scripts.faults "$@"

# look for inputs that break what reads answers: a million for each law
fuzz *args:
    uv run --group fuzz python -m tests.fuzz "$@"

# the wire on plain httpx, in an environment of its own
test-plain-httpx:
    python scripts/plain_httpx.py

# both wheels, built, installed into an empty environment, and tried from there
wheels:
    python scripts/wheels.py

# format and mend what can be mended
fmt:
    ruff format .
    ruff check --fix .

# ratios to the raw HTTP client, measured in one run
bench *args:
    python -m benchmarks "$@"

# the same scenes through other libraries, each in an environment of its own (needs the network)
bench-peers *args:
    python -m benchmarks.peers "$@"

# write the generated pages
docs:
    python docs/generate.py
