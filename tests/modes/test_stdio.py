"""Standard input and output over real descriptors: pipes, sockets, files."""

import os
import socket
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import anyio
import pytest

from pi_fallback.modes.stdio import FdSink, FdSource

pytestmark = pytest.mark.anyio
BIG = bytes(range(256)) * 4096  # a megabyte: more than a pipe holds


@pytest.fixture
def pipe() -> Iterator[tuple[FileIO, FileIO]]:
    reading, writing = os.pipe()
    with FileIO(reading, "r") as reader, FileIO(writing, "w") as writer:
        yield reader, writer


async def read_all(source: FdSource) -> bytes:
    data = b""
    while True:
        try:
            data += await source.receive()
        except anyio.EndOfStream:
            return data


async def carried(reader: FileIO | socket.socket, writer: FileIO | socket.socket) -> bytes:
    """Write `BIG` to one end and read it at the other, on one event loop."""
    got: list[bytes] = []

    async def read() -> None:
        got.append(await read_all(FdSource(reader.fileno())))

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await FdSink(writer.fileno()).send(BIG)
            writer.close()
    return got[0]


async def test_a_pipe_carries_more_than_it_holds(pipe: tuple[FileIO, FileIO]) -> None:
    assert await carried(*pipe) == BIG


async def test_a_socket_carries_more_than_it_holds() -> None:
    left, right = socket.socketpair()
    with left, right:
        assert await carried(left, right) == BIG


async def test_a_full_pipe_stops_the_writer_alone(pipe: tuple[FileIO, FileIO]) -> None:
    with anyio.move_on_after(0.2) as given_up:
        await FdSink(pipe[1].fileno()).send(BIG)
    assert given_up.cancelled_caught


async def test_the_descriptors_stay_in_blocking_mode(pipe: tuple[FileIO, FileIO]) -> None:
    await FdSink(pipe[1].fileno()).send(b"a")
    await FdSource(pipe[0].fileno()).receive()
    assert os.get_blocking(pipe[0].fileno())
    assert os.get_blocking(pipe[1].fileno())


async def test_a_closed_reader_is_an_error_of_the_system(pipe: tuple[FileIO, FileIO]) -> None:
    pipe[0].close()
    with pytest.raises(BrokenPipeError):
        await FdSink(pipe[1].fileno()).send(b"a")


async def test_files_are_read_and_written_too(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    await FdSink(fd).send(BIG)
    os.close(fd)
    fd = os.open(path, os.O_RDONLY)
    assert await read_all(FdSource(fd)) == BIG
    os.close(fd)
    null = os.open(os.devnull, os.O_RDWR)
    await FdSink(null).send(BIG)
    assert await read_all(FdSource(null)) == b""
    os.close(null)
