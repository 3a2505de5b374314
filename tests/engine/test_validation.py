"""Parameters checked against their annotations, and coerced to them."""

from __future__ import annotations

import dataclasses
import enum
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Optional

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, field_validator
from typing_extensions import TypedDict

from headrace.core.annotations import allow_failure, quote, unmapped
from headrace.engine.exact_types import exact_check
from headrace.engine.validation import Validator
from headrace.exceptions import ParameterTypeError
from headrace.schema.states import State, StateType

if TYPE_CHECKING:
    from nowhere import Missing  # type: ignore[import-not-found]


class Model(BaseModel):
    x: int = 1
    y: list[int] = []


class Level(enum.Enum):
    HIGH = "high"


@dataclasses.dataclass
class Point:
    x: int


class Pair(NamedTuple):
    a: int
    b: int


class Row(TypedDict):
    id: int


class Plain:
    pass


def validated(annotation: Any, value: Any) -> Any:
    def fn(value: Any) -> None: ...

    fn.__annotations__["value"] = annotation
    return Validator(fn).validate({"value": value})["value"]


# --- What is coerced -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int, "3", 3),
        (float, 3, 3.0),
        (float, "2.5", 2.5),
        (bool, "yes", True),
        (Optional[int], "3", 3),  # noqa: UP045
        (int | None, None, None),
        (list[int], ("1", 2), [1, 2]),
        (dict[str, float], {"a": 1}, {"a": 1.0}),
        (tuple[int, str], ["1", "a"], (1, "a")),
        (Model, {"x": "4"}, Model(x=4)),
        (list[Model], [{"x": 1}], [Model()]),
        (Point, {"x": "5"}, Point(5)),
        (Pair, ("1", 2), Pair(1, 2)),
        (Row, {"id": "1"}, {"id": 1}),
        (Level, "high", Level.HIGH),
        (date, "2024-01-02", date(2024, 1, 2)),
        (Annotated[int, Field(gt=0)], "5", 5),
        (Literal["a", 1], "a", "a"),
        ("int", "3", 3),
        ("list[Model]", [{"x": 2}], [Model(x=2)]),
    ],
)
def test_values_become_what_the_annotation_says(annotation: Any, value: Any, expected: Any) -> None:
    result = validated(annotation, value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, 1),
        (list[int], [1, 2]),
        (dict[str, list[int]], {"a": [1]}),
        (Model, Model()),
        (Point, Point("kept")),  # type: ignore[arg-type]
        (Plain, Plain()),
        (np.ndarray, np.zeros(2)),
        (Sequence[str], ["a"]),
        (Iterable[int], [1]),
        (Mapping[str, int], {"a": 1}),
        (Any, object()),
        (object, object()),
    ],
)
def test_values_that_fit_are_passed_as_the_same_objects(annotation: Any, value: Any) -> None:
    assert validated(annotation, value) is value


def test_parameters_that_fit_come_back_as_the_same_dict() -> None:
    def fn(a: int, b: str = "x", c: Any = None) -> None: ...

    parameters = {"a": 1, "b": "y", "c": object()}
    assert Validator(fn).validate(parameters) is parameters


def test_other_parameters_are_not_touched_when_one_is_coerced() -> None:
    def fn(a: int, b: list[int]) -> None: ...

    given_parameters = {"a": "1", "b": [2]}
    result = Validator(fn).validate(given_parameters)
    assert result == {"a": 1, "b": [2]}
    assert result["b"] is given_parameters["b"]
    assert given_parameters["a"] == "1"


# --- What is refused -------------------------------------------------------------------------------------------


def load(
    rows: int, mode: Literal["r", "w"] = "r", model: Model | None = None, plain: Plain | None = None
) -> None: ...


def test_the_error_names_each_parameter_what_was_given_and_what_was_expected() -> None:
    with pytest.raises(ParameterTypeError) as refusal:
        Validator(load).validate({"rows": "many", "mode": "x", "model": {"y": [1, "two"]}, "plain": 3})
    message = str(refusal.value)
    assert message.startswith("load() received invalid parameters:\n - rows: Input should be a valid integer")
    assert "got 'many' (str), expected int." in message
    assert " - mode: Input should be 'r' or 'w'; got 'x' (str), expected Literal['r', 'w']." in message
    assert "at Model.y[1]: Input should be a valid integer" in message or "at y[1]:" in message
    assert " - plain: " in message
    assert message.endswith("or set validate_parameters=False to pass any value unchecked.")


def test_a_constraint_is_told_without_its_machinery() -> None:
    with pytest.raises(
        ParameterTypeError, match=r"value: Input should be greater than 0; got -1 \(int\), expected int"
    ):
        validated(Annotated[int, Field(gt=0)], -1)


def test_an_error_in_a_models_own_validator_names_the_parameter() -> None:
    class Picky(BaseModel):
        x: int

        @field_validator("x")
        @classmethod
        def fail(cls, value: int) -> int:
            raise KeyError("not this one")

    with pytest.raises(ParameterTypeError, match=r"value: KeyError: 'not this one'; got \{'x': 1\}"):
        validated(Picky, {"x": 1})


def test_huge_and_deep_values_are_refused_in_few_words() -> None:
    deep: list[Any] = []
    for _ in range(2000):
        deep = [deep]
    for value in (deep, "x" * 50_000_000, [0] * 10**6):
        with pytest.raises(ParameterTypeError) as refusal:
            validated(int, value)
        assert len(str(refusal.value)) < 1000


class Tree(BaseModel):
    children: list[Tree] = []


def test_a_structure_too_deep_for_pydantic_is_refused_not_a_recursion_error() -> None:
    deep: dict[str, Any] = {}
    for _ in range(2000):
        deep = {"children": [deep]}
    with pytest.raises(ParameterTypeError, match="value: "):
        validated(Tree, deep)


# --- What is left alone ----------------------------------------------------------------------------------------


def test_an_annotation_that_cannot_be_evaluated_is_none() -> None:
    class Local:
        pass

    def fn(a: Missing, b: Local, c: list[Missing], d: 5, e: int) -> None: ...  # type: ignore[valid-type]

    parameters = {"a": "anything", "b": 3, "c": "x", "d": "y", "e": 1}
    assert Validator(fn).validate(parameters) is parameters
    with pytest.raises(ParameterTypeError, match="e: "):
        Validator(fn).validate({**parameters, "e": "no"})


def test_a_local_class_that_the_function_uses_is_known() -> None:
    class Local(BaseModel):
        x: int

    def fn(value: Local) -> type:
        return Local

    assert Validator(fn).validate({"value": {"x": "1"}})["value"] == Local(x=1)


@pytest.mark.parametrize(
    "value", [unmapped("x"), allow_failure("x"), quote("x"), State(type=StateType.COMPLETED)]
)
def test_annotations_and_states_pass(value: Any) -> None:
    assert validated(int, value) is value


def test_variadics_are_not_validated() -> None:
    def fn(a: int, *args: int, **kw: int) -> None: ...

    parameters = {"a": 1, "args": ("x",), "kw": {"y": "z"}}
    assert Validator(fn).validate(parameters) is parameters


def test_a_default_need_not_fit_its_annotation() -> None:
    def fn(a: int = None, b: date = "2024-01-02") -> None: ...  # type: ignore[assignment]  # noqa: RUF013

    assert Validator(fn).validate({"a": None, "b": "2024-01-02"}) == {"a": None, "b": date(2024, 1, 2)}


def test_a_field_as_default_gives_default_and_constraints() -> None:
    def fn(
        a: int = Field(default=3, gt=0), b: list[int] = Field(default_factory=list), c: int = Field(gt=0)
    ) -> None: ...

    a, b, c = fn.__defaults__ or ()
    assert Validator(fn).validate({"a": a, "b": b, "c": 1}) == {"a": 3, "b": [], "c": 1}
    with pytest.raises(ParameterTypeError, match="a: Input should be greater than 0"):
        Validator(fn).validate({"a": -1})
    with pytest.raises(ParameterTypeError, match="c: nothing was given and it has no default"):
        Validator(fn).validate({"c": c})


if sys.version_info < (3, 14):  # pydantic.v1 does not work later.

    def test_models_of_pydantic_1_are_tolerated() -> None:
        from pydantic.v1 import BaseModel as OldModel

        class Old(OldModel):
            x: int

        assert validated(Old, {"x": "3"}) == Old(x=3)
        instance = Old(x=1)
        assert validated(Old, instance) is instance
        with pytest.raises(ParameterTypeError, match="value: at x: value is not a valid integer"):
            validated(Old, {"x": "no"})


def test_the_first_parameter_of_a_method_can_be_left_out() -> None:
    class Job:
        def run(self: int, x: int) -> None: ...  # type: ignore[misc]

        def any(*args: int, x: int) -> None: ...

    assert Validator(Job.run, skip_first=True).validate({"x": "1"}) == {"x": 1}
    assert Validator(Job.any, skip_first=True).validate({"x": "1"}) == {"x": 1}


def test_a_validator_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(Validator(load))).validate({"rows": "1"}) == {"rows": 1}


# --- Pydantic is imported only when it is needed ---------------------------------------------------------------


def test_plain_values_of_plain_types_do_not_import_pydantic() -> None:
    code = """
import sys
from typing import Any, Literal, Optional
from headrace.engine.validation import Validator

def fn(a: int, b: "str", c: Optional[float], d: list[dict[str, int]], e: Literal["x"], f: Any, g, h: float, i: tuple[int, ...]): ...

given = dict(a=1, b="x", c=None, d=[{"y": 1}], e="x", f=object(), g=object(), h=3, i=(1, 2))
assert Validator(fn).validate(given) == {**given, "h": 3.0}
assert "pydantic" not in sys.modules
assert Validator(fn).validate({"a": "1"}) == {"a": 1}
assert "pydantic" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


scalars = st.sampled_from([1, -5, True, 2.5, "x", "3", b"y", None, Level.HIGH])
values = (
    scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.sampled_from(["a", 1]), scalars, max_size=2)
)
types: list[Any] = [int, str, float, bool, bytes, None, Any, Level, list, dict, Literal["x", 1]]
types += [
    Optional[int],  # noqa: UP045
    int | str,
    list[int],
    list[str | None],
    dict[str, int],
    Sequence[int],
    tuple[int, ...],
]


@settings(max_examples=150)
@given(st.sampled_from(types), values | st.tuples(scalars, scalars))
def test_what_passes_the_exact_check_is_what_pydantic_would_pass(annotation: Any, value: Any) -> None:
    check: Callable[[Any], bool] | None = exact_check(annotation)
    assert check is not None
    if check(value):
        passed = TypeAdapter(annotation).validate_python(value)
        assert passed == value
        assert type(passed) is type(value)
