"""From arguments to parameters by name, and back."""

from __future__ import annotations

import functools
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.engine.params import Binder, signature_of
from headrace.exceptions import ParameterBindError, ReservedArgumentError, SignatureMismatchError


def plain(a: Any, b: Any = 2) -> Any:
    return a, b


def everything(a: Any, /, b: Any = 2, *args: Any, c: Any, d: Any = 4, **kw: Any) -> Any:
    return a, b, args, c, d, kw


def shadowing(min: int, max: int = 3, *, list: int = 1, p: int = 5) -> Any:
    return min, max, list, p


def nothing() -> None: ...


examples = settings(max_examples=60)

FUNCTIONS: list[Callable[..., Any]] = [plain, everything, shadowing, nothing, lambda *a: a, lambda **k: k]


def test_parameters_come_in_order_with_defaults_and_variadics_by_name() -> None:
    parameters = Binder(everything).bind((1, 2, 3, 4), {"c": 5, "z": 6})
    assert list(parameters.items()) == [
        ("a", 1),
        ("b", 2),
        ("args", (3, 4)),
        ("c", 5),
        ("d", 4),
        ("kw", {"z": 6}),
    ]
    assert Binder(plain).bind((1,), {}) == {"a": 1, "b": 2}
    assert Binder(lambda *args, **kw: None).bind((), {}) == {"args": (), "kw": {}}


def test_names_of_builtins_are_names_like_others() -> None:
    assert Binder(shadowing).bind((1,), {"max": 2}) == {"min": 1, "max": 2, "list": 1, "p": 5}


def test_a_positional_only_name_may_come_again_as_a_keyword() -> None:
    parameters = Binder(everything).bind((1,), {"a": 9, "c": 3})
    assert parameters["a"] == 1
    assert parameters["kw"] == {"a": 9}


@examples
@given(
    st.sampled_from(FUNCTIONS),
    st.lists(st.integers(), max_size=5),
    st.dictionaries(st.sampled_from("abcdxyz") | st.sampled_from(["min", "max", "list", "p"]), st.integers()),
)
def test_binding_is_that_of_python(fn: Callable[..., Any], args: list[int], kwargs: dict[str, int]) -> None:
    binder = Binder(fn)
    try:
        expected = inspect.signature(fn).bind(*args, **kwargs)
    except TypeError:
        with pytest.raises(ParameterBindError):
            binder.bind(tuple(args), kwargs)
        with pytest.raises(ParameterBindError):
            binder.bind_given(tuple(args), kwargs)
        return
    assert binder.bind_given(tuple(args), kwargs) == expected.arguments
    expected.apply_defaults()
    parameters = binder.bind(tuple(args), kwargs)
    assert list(parameters.items()) == list(expected.arguments.items())
    called_args, called_kwargs = binder.call_arguments(parameters)
    assert fn(*called_args, **called_kwargs) == fn(*args, **kwargs)


def test_defaults_are_the_objects_of_the_definition() -> None:
    shared: list[int] = []
    binder = Binder(lambda a, b=shared, *, c=shared: None)
    parameters = binder.bind((1,), {})
    assert parameters["b"] is shared
    assert parameters["c"] is shared
    assert binder.defaults == {"b": shared, "c": shared}


@pytest.mark.parametrize(
    ("args", "kwargs", "problem"),
    [
        ((), {}, "missing a required argument: 'a'"),
        ((1, 2, 3), {}, "too many positional arguments"),
        ((1,), {"z": 1}, "unexpected keyword argument 'z'"),
        ((1,), {"a": 1}, "multiple values for argument 'a'"),
    ],
)
def test_wrong_arguments_name_function_and_argument(args: Any, kwargs: Any, problem: str) -> None:
    with pytest.raises(ParameterBindError) as refusal:
        Binder(plain).bind(args, kwargs)
    assert isinstance(refusal.value, TypeError)
    assert "plain(a: 'Any', b: 'Any' = 2)" in str(refusal.value)
    assert problem in str(refusal.value)


@pytest.mark.parametrize("name", ["return_state", "wait_for"])
def test_reserved_names_are_refused_at_once(name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def load(x, *, {name}=None): ...", namespace)
    with pytest.raises(ReservedArgumentError, match=rf"'{name}' is a reserved argument name.*load\(\)"):
        Binder(namespace["load"])
    assert Binder(namespace["load"], reserved=()).names == ("x", name)


def test_missing_parameters_take_their_defaults() -> None:
    assert Binder(everything).call_arguments({"a": 1, "c": 3}) == ((1, 2), {"c": 3, "d": 4})


def test_names_that_are_no_parameters_go_to_the_keywords_or_are_refused() -> None:
    assert Binder(everything).call_arguments({"a": 1, "c": 3, "z": 9}) == ((1, 2), {"c": 3, "d": 4, "z": 9})
    with pytest.raises(SignatureMismatchError, match=r"\['a', 'b'\].*\['a', 'z'\]"):
        Binder(plain).call_arguments({"a": 1, "z": 2})
    with pytest.raises(SignatureMismatchError, match=r"\['a', 'b'\].*\['b'\]"):
        Binder(plain).complete({"b": 1})


def test_variadics_given_by_name_must_be_collections() -> None:
    with pytest.raises(SignatureMismatchError, match=r"'args' of everything\(\).*as a tuple; got int"):
        Binder(everything).call_arguments({"a": 1, "b": 2, "args": 3, "c": 4, "d": 5, "kw": {}})
    with pytest.raises(SignatureMismatchError, match=r"'kw'.*as a dict; got list"):
        Binder(everything).complete({"a": 1, "c": 4, "kw": [1]})


class Greeter:
    def greet(self, name: str, mark: str = "!") -> str:
        return name + mark

    def any(*args: Any) -> int:
        return len(args)


def test_a_bound_binder_leaves_out_the_first_parameter() -> None:
    bound = Binder(Greeter.greet).bound
    assert bound.bind(("ann",), {}) == {"name": "ann", "mark": "!"}
    assert bound is not Binder(Greeter.greet).bound
    binder = Binder(Greeter.greet)
    assert binder.bound is binder.bound
    assert Binder(Greeter.any).bound.bind((1, 2), {}) == {"args": (1, 2)}


def test_anything_callable_has_a_signature() -> None:
    class Adder:
        def __call__(self, a: int, b: int = 1) -> int:
            return a + b

    assert Binder(Adder()).bind((1,), {}) == {"a": 1, "b": 1}
    assert Binder(functools.partial(plain, 5)).bind((), {}) == {"b": 2}
    assert Binder(Greeter().greet).names == ("name", "mark")
    assert next(iter(signature_of(print).parameters)) == "args"
    assert Binder(max).bind((1, 2), {"key": None}) == {"args": (1, 2), "kwargs": {"key": None}}


def test_a_binder_can_be_pickled() -> None:
    copy = pickle.loads(pickle.dumps(Binder(plain)))
    assert copy.bind((1,), {}) == {"a": 1, "b": 2}


def test_exotic_names_are_bound_too() -> None:
    def fn(ä: int, _: int, __x: int = 3) -> None: ...

    assert list(Binder(fn).bind((1, 2), {}).values()) == [1, 2, 3]
