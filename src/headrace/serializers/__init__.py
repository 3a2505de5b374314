"""How results become bytes, and bytes results again.

A serializer is named by its `type`: `pickle` (anything cloudpickle can pickle; the default), `json` (readable, for
plain data and what `json_objects` knows), and the same two compressed, `compressed/pickle` and `compressed/json`.

Make your own by subclassing `Serializer`; its `type` is the name to select it by:

    class TextSerializer(Serializer):
        type: str = "text"

        def dumps(self, obj):
            return str(obj).encode()

        def loads(self, blob):
            return blob.decode()

    @task(result_serializer="text")
    def greet(): ...

The fields of a serializer are kept with each result, so a result is always read with what wrote it. Pickles and
compressed data are base64, which lets them stand in JSON; Prefect 3 reads them too.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any, Generic, TypeVar

import msgspec

from headrace.exceptions import SerializationError

__all__ = [
    "CompressedJSONSerializer",
    "CompressedPickleSerializer",
    "CompressedSerializer",
    "JSONSerializer",
    "PickleSerializer",
    "Serializer",
    "prefect_json_object_decoder",
    "prefect_json_object_encoder",
    "resolve_serializer",
]

D = TypeVar("D")

# Kept with results, so these are the names under which Prefect 3 finds its own functions.
OBJECT_ENCODER = "prefect.serializers.prefect_json_object_encoder"
OBJECT_DECODER = "prefect.serializers.prefect_json_object_decoder"

PLAIN_TYPES = frozenset({str, int, float, bool, bytes, type(None)})


@cache
def _serializers() -> dict[str, type[Serializer[Any]]]:
    """Classes by type; looking through them takes longer than reading a result, so it is done once per new class."""
    return dict(_registered(Serializer))


class Serializer(msgspec.Struct, Generic[D], kw_only=True):
    """Base of all serializers; a subclass gives `type` a default and defines `dumps` and `loads`.

    Args:
        type: The name by which the serializer is selected.
    """

    type: str

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _serializers.cache_clear()

    def dumps(self, obj: D) -> bytes:
        """The value as bytes.

        Raises:
            SerializationError: The value cannot be serialized; the message names the part that cannot.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define `dumps`.")

    def loads(self, blob: bytes) -> D:
        """The value that `dumps` made bytes of.

        Raises:
            SerializationError: The bytes are damaged, or were made by another serializer.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define `loads`.")


class PickleSerializer(Serializer[D], kw_only=True):
    """Pickles values, with cloudpickle unless told otherwise: lambdas and classes of the main script included.

    Args:
        picklelib: The module to pickle with; it has `dumps` and `loads`.
        picklelib_version: The version of it that wrote a result; reading with another one warns.
    """

    type: str = "pickle"
    picklelib: str = "cloudpickle"
    picklelib_version: str | None = None

    def __post_init__(self) -> None:
        if self.picklelib not in ("cloudpickle", "pickle"):
            _check_library(self.picklelib, "picklelib")
        if self.picklelib_version is not None:
            _warn_of_other_version(self.picklelib, self.picklelib_version)

    def dumps(self, obj: D) -> bytes:
        return base64.b64encode(_serialized(obj, self, self._pickle))

    def loads(self, blob: bytes) -> D:
        # cloudpickle's `loads` is the standard one; not importing it saves 15 ms on a cache hit.
        library = import_module("pickle" if self.picklelib == "cloudpickle" else self.picklelib)
        try:
            return library.loads(base64.b64decode(blob))  # type: ignore[no-any-return]
        except Exception as problem:
            raise SerializationError(_unreadable(self, problem)) from problem

    def _pickle(self, obj: Any) -> bytes:
        if self.picklelib == "cloudpickle" and type(obj) in PLAIN_TYPES:
            import pickle

            return pickle.dumps(obj, protocol=5)
        return import_module(self.picklelib).dumps(obj)  # type: ignore[no-any-return]


class JSONSerializer(Serializer[D], kw_only=True):
    """Writes values as JSON; dates, ids, paths, sets, enums, dataclasses, pydantic models and exceptions included.

    Tuples come back as lists and keys of dicts as text, as JSON has nothing else.

    Args:
        jsonlib: The module to write with; it has `dumps` and `loads`.
        object_encoder: Where to find a function that makes JSON of what JSON does not know; None for none.
        object_decoder: Where to find a function that undoes that for each dict; None for none.
        dumps_kwargs: More arguments for the module's `dumps`.
        loads_kwargs: More arguments for the module's `loads`.
    """

    type: str = "json"
    jsonlib: str = "json"
    object_encoder: str | None = OBJECT_ENCODER
    object_decoder: str | None = OBJECT_DECODER
    dumps_kwargs: dict[str, Any] = {}
    loads_kwargs: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if self.jsonlib != "json":
            _check_library(self.jsonlib, "jsonlib")
        _refuse_option(self.dumps_kwargs, "dumps_kwargs", "default", "object_encoder")
        _refuse_option(self.loads_kwargs, "loads_kwargs", "object_hook", "object_decoder")

    def dumps(self, obj: D) -> bytes:
        options = dict(self.dumps_kwargs)
        if self.object_encoder:
            options["default"] = _function_at(self.object_encoder, "object_encoder")
        library = import_module(self.jsonlib)

        def write(value: Any) -> bytes:
            written = library.dumps(value, **options)
            return written.encode() if isinstance(written, str) else bytes(written)

        return _serialized(obj, self, write)

    def loads(self, blob: bytes) -> D:
        library = import_module(self.jsonlib)
        options = dict(self.loads_kwargs)
        if self.object_decoder:
            options["object_hook"] = _function_at(self.object_decoder, "object_decoder")
        try:
            return library.loads(blob.decode(), **options)  # type: ignore[no-any-return]
        except Exception as problem:
            raise SerializationError(_unreadable(self, problem)) from problem


class CompressedSerializer(Serializer[D], kw_only=True):
    """Compresses what another serializer writes.

    Args:
        serializer: That serializer, or its type.
        compressionlib: The module to compress with; it has `compress` and `decompress`.
    """

    type: str = "compressed"
    serializer: Serializer[Any] | str
    compressionlib: str = "lzma"

    def __post_init__(self) -> None:
        self.serializer = resolve_serializer(self.serializer)
        _check_library(self.compressionlib, "compressionlib", needs=("compress", "decompress"))

    def dumps(self, obj: D) -> bytes:
        plain = resolve_serializer(self.serializer).dumps(obj)
        return base64.b64encode(import_module(self.compressionlib).compress(plain))

    def loads(self, blob: bytes) -> D:
        try:
            plain = import_module(self.compressionlib).decompress(base64.b64decode(blob))
        except Exception as problem:
            raise SerializationError(_unreadable(self, problem)) from problem
        return resolve_serializer(self.serializer).loads(plain)  # type: ignore[no-any-return]


class CompressedPickleSerializer(CompressedSerializer[D], kw_only=True):
    """Compressed pickles."""

    type: str = "compressed/pickle"
    serializer: Serializer[Any] | str = msgspec.field(default_factory=PickleSerializer)


class CompressedJSONSerializer(CompressedSerializer[D], kw_only=True):
    """Compressed JSON."""

    type: str = "compressed/json"
    serializer: Serializer[Any] | str = msgspec.field(default_factory=JSONSerializer)


def resolve_serializer(serializer: Any) -> Serializer[Any]:
    """The serializer that a name, or the fields of one as kept with a result, stand for.

    Args:
        serializer: A serializer, its type, or a dict with `type` and its other fields.

    Raises:
        ValueError: No serializer has that type, or a field of it cannot be used.
        TypeError: It is something else.

    >>> resolve_serializer("json").dumps([1])
    b'[1]'
    """
    if isinstance(serializer, Serializer):
        return serializer
    if isinstance(serializer, str):
        return _class_for(serializer)(type=serializer)
    if isinstance(serializer, dict):
        kind = _class_for(serializer.get("type"))
        known = {name: value for name, value in serializer.items() if name in kind.__struct_fields__}
        return kind(**known)
    raise TypeError(
        f"`result_serializer` must be a Serializer or its type as text, such as 'json'; got {serializer!r}, "
        f"of type {type(serializer).__name__!r}."
    )


def _class_for(name: Any) -> type[Serializer[Any]]:
    known = _serializers()
    if name not in known:
        raise ValueError(
            f"No serializer has the type {name!r}. There are {', '.join(sorted(known))}; a subclass of Serializer "
            "whose `type` defaults to that name adds it, once its module is imported."
        )
    return known[name]


def _registered(base: type[Serializer[Any]]) -> Iterator[tuple[str, type[Serializer[Any]]]]:
    """Subclasses by the default of their `type`; the latest definition comes last and wins."""
    for kind in base.__subclasses__():
        names = [field.default for field in msgspec.structs.fields(kind) if field.name == "type"]
        yield from ((name, kind) for name in names if isinstance(name, str))
        yield from _registered(kind)


def _function_at(path: str, option: str) -> Callable[..., Any]:
    """The function at a dotted path. Prefect's own two are found here, with or without it installed."""
    if path in (OBJECT_ENCODER, OBJECT_DECODER):
        return prefect_json_object_encoder if path == OBJECT_ENCODER else prefect_json_object_decoder
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)  # type: ignore[no-any-return]
    except (ImportError, AttributeError, ValueError) as problem:
        raise ValueError(
            f"`{option}` is {path!r}, where there is no function: {problem}. Give its dotted path, package.module.name."
        ) from problem


def _check_library(name: str, option: str, needs: tuple[str, ...] = ("dumps", "loads")) -> None:
    try:
        library = import_module(name)
    except ImportError as problem:
        raise ValueError(
            f"`{option}` is {name!r}, which cannot be imported: {problem}. Install it."
        ) from problem
    missing = [function for function in needs if not callable(getattr(library, function, None))]
    if missing:
        raise ValueError(
            f"`{option}` is {name!r}, which has no {' and no '.join(f'`{each}`' for each in missing)}."
        )


def _warn_of_other_version(library: str, version: str) -> None:
    installed = getattr(import_module(library), "__version__", None)
    if installed not in (None, version):
        import warnings

        warnings.warn(
            f"A result was pickled with {library} {version} but is read with {installed}. If reading fails, install "
            "the former.",
            RuntimeWarning,
            stacklevel=4,
        )


def _refuse_option(options: dict[str, Any], option: str, refused: str, instead: str) -> None:
    if refused in options:
        raise ValueError(f"`{option}` must not have {refused!r}: set `{instead}` instead.")


def _serialized(obj: Any, serializer: Serializer[Any], attempt: Callable[[Any], bytes]) -> bytes:
    try:
        return attempt(obj)
    except Exception as problem:
        raise SerializationError(_refusal(obj, serializer, _reason(obj, attempt, problem))) from problem


def _reason(obj: Any, attempt: Callable[[Any], bytes], problem: Exception) -> str:
    # cloudpickle wraps it in an error of its own.
    if isinstance(problem, RecursionError) or isinstance(problem.__cause__, RecursionError):
        return f"it is nested too deeply for Python's recursion limit of {sys.getrecursionlimit()}"
    from headrace.serializers.culprit import find_culprit

    path, culprit = find_culprit(obj, attempt)
    where = f"its part `{path}`, of type {type(culprit).__name__!r}, is in the way: " if path else ""
    return f"{where}{problem}".rstrip(".")


def _refusal(obj: Any, serializer: Serializer[Any], why: str) -> str:
    other = "pickle" if "json" in serializer.type else "json"
    return (
        f"Failed to serialize an object of type {type(obj).__name__!r} with the serializer {serializer.type!r}: {why}. "
        f'Try another serializer (result_serializer="{other}"), or do without persistence (persist_result=False).'
    )


def _unreadable(serializer: Serializer[Any], problem: Exception) -> str:
    return (
        f"A result cannot be read with {serializer.type!r}: {type(problem).__name__}: {problem}. It is damaged, was "
        "written by another serializer, or needs a module that is not installed here."
    )


def prefect_json_object_encoder(obj: Any) -> Any:
    """JSON for what JSON does not know; see `headrace.serializers.json_objects`."""
    from headrace.serializers.json_objects import encode_object

    return encode_object(obj)


def prefect_json_object_decoder(result: dict[str, Any]) -> Any:
    """What a dict stood for before `prefect_json_object_encoder`, or the dict itself."""
    from headrace.serializers.json_objects import decode_object

    return decode_object(result)
