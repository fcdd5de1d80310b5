"""The fault matrix: every fault in every dialect and phase through a whole agent, each recovered or said clearly.

`python -m scripts.faults` prints the same as a table.
"""

import pytest

from tests.faults.scene import Cell, cells, played

pytestmark = pytest.mark.anyio

TO_ITSELF = [cell for cell in cells() if cell.to == cell.dialect]
TO_ANOTHER = [cell for cell in cells() if cell.to != cell.dialect]


# Each cell once, and half of all on each backend.


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("cell", TO_ITSELF, ids=str)
async def test_each_fault_is_recovered_by_a_route_of_the_same_dialect_or_said_clearly(cell: Cell) -> None:
    outcome = await played(cell)
    assert not outcome.wrong, outcome


@pytest.mark.parametrize("anyio_backend", ["trio"])
@pytest.mark.parametrize("cell", TO_ANOTHER, ids=str)
async def test_each_fault_is_recovered_by_a_route_of_another_dialect_or_said_clearly(cell: Cell) -> None:
    outcome = await played(cell)
    assert not outcome.wrong, outcome
