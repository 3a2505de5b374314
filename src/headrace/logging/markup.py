"""Console markup, `[red]text[/red]`, for those who switch `logging.markup` on."""

from __future__ import annotations

__all__ = ["render_markup"]


def render_markup(text: str, *, colors: bool) -> str:
    """`text` with its markup drawn as ANSI escape sequences, or taken out when there are no colours.

    Text that is not valid markup is returned as it is.
    """
    from rich.console import Console
    from rich.errors import MarkupError
    from rich.text import Text

    try:
        drawn = Text.from_markup(text)
    except MarkupError:
        return text
    if not colors:
        return drawn.plain
    console = Console(force_terminal=True, color_system="standard", soft_wrap=True)
    with console.capture() as capture:
        console.print(drawn, end="", highlight=False)
    return capture.get()
