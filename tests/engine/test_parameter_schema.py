"""The JSON schema of a function's parameters."""

from __future__ import annotations

import enum
import sys
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from headrace.engine.parameter_schema import parameter_docstrings, parameter_schema


class Options(BaseModel):
    depth: int = 1


class Level(enum.Enum):
    HIGH = "high"


def load(
    options: Options,
    level: Level = Level.HIGH,
    since: datetime = datetime(2020, 1, 1),
    anything=None,  # type: ignore[no-untyped-def]
    limit: int | None = None,
    mode: Literal["a", "b"] = "a",
    *paths: str,
    checked: int = Field(3, gt=1),
    **extra: Any,
) -> None:
    """Load things.

    Args:
        options: How to load
            them all.
        level (Level): How high.
        nobody: Not a parameter.

    Returns:
        limit: not this.
    """


def test_each_parameter_has_its_schema_position_title_default_and_description() -> None:
    schema = parameter_schema(load)
    assert schema["title"] == "Parameters"
    assert schema["type"] == "object"
    assert schema["required"] == ["options"]
    assert schema["properties"] == {
        "options": {
            "$ref": "#/definitions/Options",
            "description": "How to load\nthem all.",
            "position": 0,
            "title": "options",
        },
        "level": {
            "$ref": "#/definitions/Level",
            "default": "high",
            "description": "How high.",
            "position": 1,
            "title": "level",
        },
        "since": {
            "default": "2020-01-01T00:00:00",
            "format": "date-time",
            "position": 2,
            "title": "since",
            "type": "string",
        },
        "anything": {"default": None, "position": 3, "title": "anything"},
        "limit": {
            "anyOf": [{"type": "integer"}, {"type": "null"}],
            "default": None,
            "position": 4,
            "title": "limit",
        },
        "mode": {"default": "a", "enum": ["a", "b"], "position": 5, "title": "mode", "type": "string"},
        "paths": {"default": [], "items": {}, "position": 6, "title": "paths", "type": "array"},
        "checked": {
            "default": 3,
            "exclusiveMinimum": 1,
            "position": 7,
            "title": "checked",
            "type": "integer",
        },
        "extra": {"default": {}, "position": 8, "title": "extra", "type": "object"},
    }
    assert schema["definitions"] == {
        "Level": {"enum": ["high"], "title": "Level", "type": "string"},
        "Options": {
            "properties": {"depth": {"default": 1, "title": "Depth", "type": "integer"}},
            "title": "Options",
            "type": "object",
        },
    }


def test_what_has_no_schema_may_be_anything() -> None:
    class Opaque:
        pass

    def fn(
        a: Opaque, b: object = object(), schema: int = 1, model_config: str = "", _private: int = 2
    ) -> type:
        return Opaque

    schema = parameter_schema(fn)
    assert schema["properties"]["a"] == {"position": 0, "title": "a"}
    assert "default" not in schema["properties"]["b"]
    assert schema["properties"]["schema"]["type"] == "integer"
    assert schema["properties"]["_private"]["default"] == 2
    assert schema["required"] == ["a"]


if sys.version_info < (3, 14):  # pydantic.v1 does not work later.

    def test_models_of_pydantic_1_have_their_own_schema() -> None:
        from pydantic.v1 import BaseModel as OldModel

        class Old(OldModel):
            x: int

        def fn(old: Old) -> type:
            return Old

        assert parameter_schema(fn)["properties"]["old"]["properties"]["x"]["type"] == "integer"


def test_functions_without_parameters_or_signature_have_a_schema() -> None:
    assert parameter_schema(lambda: None)["properties"] == {}
    assert list(parameter_schema(max)["properties"]) == ["args", "kwargs"]


def test_docstrings_without_a_section_describe_nothing() -> None:
    assert parameter_docstrings(None) == {}
    assert parameter_docstrings("Just words.\n\nx: not a section") == {}
    assert parameter_docstrings("Args:\n    **kw: rest\n    x:\n        on the next line") == {
        "kw": "rest",
        "x": "on the next line",
    }
