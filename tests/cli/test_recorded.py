"""Reading lists page by page."""

from __future__ import annotations

import pytest

from headrace.cli.recorded import PAGE, pages


class Server:
    """A list of numbers, of which a server gives `most` at once.

    Attributes:
        asked: The limits and offsets that it was asked for.
    """

    def __init__(self, length: int, most: int = PAGE) -> None:
        self._numbers = list(range(length))
        self._most = most
        self.asked: list[tuple[int | None, int]] = []

    def read(self, limit: int | None, offset: int) -> list[int]:
        self.asked.append((limit, offset))
        assert limit is None or limit <= self._most
        return self._numbers[offset : offset + (self._most if limit is None else limit)]


@pytest.mark.parametrize("most", [3, PAGE])
@pytest.mark.parametrize("length", [0, 1, PAGE, PAGE + 1, 3 * PAGE])
def test_all_are_read(length, most):
    read = list(pages(Server(length, most).read))
    assert [number for page in read for number in page] == list(range(length))
    assert all(read)


@pytest.mark.parametrize("count", [1, 5, PAGE, PAGE + 1, 2 * PAGE, 5 * PAGE])
@pytest.mark.parametrize("length", [0, 3, PAGE, 3 * PAGE])
def test_as_many_as_wanted_are_read(length, count):
    read = list(pages(Server(length).read, count))
    assert [number for page in read for number in page] == list(range(min(length, count)))


def test_a_few_are_read_at_once():
    server = Server(1000)
    assert [len(page) for page in pages(server.read, 15)] == [15]
    assert server.asked == [(15, 0)]
