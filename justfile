set positional-arguments

# all of CI's checks
check: lint types contracts test

lint:
    ruff format --check .
    ruff check .

types:
    basedpyright

contracts:
    lint-imports

# the tests; arguments go to pytest
test *args:
    python -m pytest "$@"

fmt:
    ruff format .
    ruff check --fix .

# ratios to the raw HTTP client, measured in one run
bench *args:
    python -m benchmarks "$@"

# writes the generated pages
docs:
    python docs/generate.py
