"""Templates of run names: `flow_run_name="load-{table}-{day:%Y-%m-%d}"`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

from headrace.exceptions import ConfigurationError

__all__ = ["RunNameTemplate"]


class RunNameTemplate:
    """A name with parameters of the run in it, in the syntax of `str.format`.

    Args:
        text: The template: `{name}`, `{name.attribute}`, `{name[key]}`, conversions and format specifications.
        option: The option it was given for, for messages.

    Raises:
        ConfigurationError: The template is malformed, or has a field without a name.
    """

    __slots__ = ("fields", "option", "text")

    fields: tuple[str, ...]
    """The parameters that it mentions, in order, each once."""

    def __init__(self, text: str, option: str = "flow_run_name") -> None:
        self.text = text
        self.option = option
        try:
            self.fields = tuple(dict.fromkeys(_fields(text)))
        except ValueError as problem:
            raise ConfigurationError(
                f"{option}={text!r} is not a template: {problem}. "
                "Write parameters as {name}, and braces that are part of the name twice: {{ }}."
            ) from problem

    def render(self, values: Mapping[str, Any]) -> str:
        """The name of a run.

        Args:
            values: The run's parameters by name.

        Raises:
            ConfigurationError: A field is no parameter, or its value has no such attribute, item or format; the
                message names the field.
        """
        try:
            return self.text.format_map(values)
        except Exception as problem:
            missing = [name for name in self.fields if name not in values]
            if missing:
                raise ConfigurationError(
                    f"{self.option}={self.text!r} mentions {', '.join(map(repr, missing))}, but the parameters "
                    f"are {list(values)}. Name one of these, or pass a function that returns the name."
                ) from None
            raise ConfigurationError(
                f"{self.option}={self.text!r} cannot be rendered: {type(problem).__name__}: {problem}. "
                f"Its fields are {list(self.fields)}; check their attributes, items and format specifications."
            ) from problem

    def __repr__(self) -> str:
        return f"RunNameTemplate({self.text!r}, option={self.option!r})"


def _fields(text: str) -> Iterator[str]:
    for _, field, specification, _ in Formatter().parse(text):
        if field is None:
            continue
        name = field.partition(".")[0].partition("[")[0]
        if not name or name.isdigit():
            raise ValueError(f"the field {{{field}}} has no name")
        yield name
        if specification:
            yield from _fields(specification)
