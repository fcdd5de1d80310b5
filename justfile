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
    PI_FALLBACK_KILLS=250 PI_FALLBACK_LEDGER_KILLS=250 PI_FALLBACK_LEDGER_UPDATES=1000 python -m pytest "$@"

# kill processes that write sessions, files and the ledger, 250 times each
kills *args:
    PI_FALLBACK_KILLS=750 PI_FALLBACK_LEDGER_KILLS=250 python -m pytest -k "kill" tests/spec/test_reliability_files.py tests/state/test_processes.py "$@"
    PI_FALLBACK_KILLS=250 python -m pytest -k "kill" tests/spec/test_reliability_sessions.py "$@"

# let 16 processes contend for the ledger, 1000 updates each: none may be lost, and how long each waits
contention *args:
    PI_FALLBACK_LEDGER_UPDATES=1000 python -m pytest -k "lose_no_update" tests/state/test_processes.py "$@"
    python -m benchmarks state

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
