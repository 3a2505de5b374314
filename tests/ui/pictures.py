"""What is painted on a canvas: where there are pixels in the colour of a state."""

from __future__ import annotations

from typing import NamedTuple

from playwright.sync_api import Page, expect

from ..e2e.servers import eventually

__all__ = ["Bar", "bars_of", "expect_painted"]

FIND = """(canvas, token) => {
    const {width, height} = canvas;
    const copy = Object.assign(document.createElement("canvas"), {width, height}).getContext("2d", {willReadFrequently: true});
    copy.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(`--${token}`).trim();
    copy.fillRect(0, 0, 1, 1);
    const [red, green, blue] = copy.getImageData(0, 0, 1, 1).data;
    copy.drawImage(canvas, 0, 0);
    const {data} = copy.getImageData(0, 0, width, height), bars = [];
    const is = (x, y) => {
        const at = 4 * (y * width + x);
        return data[at] === red && data[at + 1] === green && data[at + 2] === blue;
    };
    for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
            if (!is(x, y)) continue;
            const left = x;
            while (x < width && is(x, y)) x++;
            const above = bars.find((bar) => bar.y + bar.height >= y && bar.x <= left && x <= bar.x + bar.width);
            if (above) above.height = Math.max(above.height, y - above.y + 1);
            else if (!is(left, y - 1)) bars.push({x: left, y, width: x - left, height: 1});
        }
    return bars;
}"""
"""Rows of pixels of a colour, and what is below them and no wider: the name that is written on a bar does not part it."""


class Bar(NamedTuple):
    """A rectangle of one colour, in pixels of the canvas."""

    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> dict[str, float]:
        """Where to point at it."""
        return {"x": self.x + self.width / 2, "y": self.y + self.height / 2}


def bars_of(page: Page, kind: str) -> list[Bar]:
    """The bars on the canvas in the colour of a type of states, from above."""
    canvas = page.locator("canvas")
    expect(canvas).to_be_visible()
    return [Bar(**each) for each in canvas.evaluate(FIND, kind.lower())]


def expect_painted(page: Page, kind: str, count: int | None = None) -> list[Bar]:
    """Wait until there are bars in the colour of a type of states: so many of them, or some."""

    def assert_painted() -> list[Bar]:
        found = bars_of(page, kind)
        assert found if count is None else len(found) == count, f"{len(found)} bars are {kind}: {found[:9]}"
        return found

    return eventually(assert_painted)
