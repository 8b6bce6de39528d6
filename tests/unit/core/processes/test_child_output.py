"""The output of a child is read to its end: kept, passed on by line, or discarded except for its tail."""

from __future__ import annotations

from io import BufferedReader, BytesIO

from eddyline.core.processes.child_output import Collector, Tail


def _pipe(data: bytes) -> BufferedReader:
    return BufferedReader(BytesIO(data))


def test_the_output_is_kept_completely() -> None:
    out = Collector(1000, None)
    out.drain(_pipe(b"one\ntwo"))
    assert (out.data(), out.overflow) == (b"one\ntwo", "")


def test_output_beyond_the_limit_is_reported_and_discarded() -> None:
    out, pipe = Collector(100_000, None), _pipe(bytes(1_000_000))
    out.drain(pipe)
    assert out.overflow == "printed more than 100000 bytes"
    assert len(out.data()) <= 100_000
    assert pipe.closed


def test_lines_are_passed_on_without_their_line_ends() -> None:
    lines: list[str] = []
    out = Collector(1000, lines.append)
    out.drain(_pipe(b"one\r\ntwo\n\xff\nlast"))
    assert lines == ["one", "two", "\ufffd", "last"]
    assert out.data() == b""


def test_an_endless_line_is_passed_on_in_pieces() -> None:
    lines: list[str] = []
    Collector(1000, lines.append).drain(_pipe(b"x" * 10_000_000))
    assert sum(map(len, lines)) == 10_000_000
    assert max(map(len, lines)) <= 65536


def test_an_error_of_the_line_handler_is_kept_and_the_rest_discarded() -> None:
    def listen(line: str) -> None:
        received.append(line)
        raise ValueError(line)

    received: list[str] = []
    out, pipe = Collector(1000, listen), _pipe(b"one\ntwo\nthree\n")
    out.drain(pipe)
    assert (received, str(out.failure), pipe.closed) == (["one"], "one", True)


def test_the_end_of_endless_standard_error_is_kept() -> None:
    tail = Tail()
    tail.drain(_pipe(b"x" * 20_000_000 + b"end"))
    assert len(tail.text()) == 16 * 1024
    assert tail.text().endswith("xend")
