"""The JSON schema of a function's parameters, from which forms are made and parameters of deployments checked."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable
from inspect import Parameter
from typing import TYPE_CHECKING, Any

from headrace.engine.annotated import annotations_of
from headrace.engine.params import signature_of

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

__all__ = ["parameter_docstrings", "parameter_schema"]

UNDEFINED: Any = object()


def parameter_schema(fn: Callable[..., Any]) -> dict[str, Any]:
    """The JSON schema of a function's parameters.

    Args:
        fn: The function.

    Returns:
        An object schema: `properties` in the order of the parameters, each with `title`, `position`, its `default`
        if JSON can hold it and its `description` from the docstring; `required`; `definitions` of models.
        What has no annotation, or one without a schema, may be anything.
    """
    descriptions = parameter_docstrings(inspect.getdoc(fn))
    annotations = annotations_of(fn)
    schema: dict[str, Any] = {"title": "Parameters", "type": "object", "properties": {}, "required": []}
    definitions: dict[str, Any] = {}
    for position, parameter in enumerate(signature_of(fn).parameters.values()):
        name = parameter.name
        described, defined = _described(annotations.get(name, Any), parameter)
        definitions |= defined
        described |= {"position": position, "title": name}
        if name in descriptions:
            described["description"] = descriptions[name]
        schema["properties"][name] = dict(sorted(described.items()))
        if _is_required(parameter):
            schema["required"].append(name)
    schema["definitions"] = dict(sorted(definitions.items()))
    return schema


def _described(annotation: Any, parameter: Parameter) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of one parameter, and the definitions that it refers to."""
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return {"type": "array", "items": {}, "default": []}, {}
    if parameter.kind is Parameter.VAR_KEYWORD:
        return {"type": "object", "default": {}}, {}
    if not hasattr(annotation, "__pydantic_fields__") and hasattr(annotation, "__fields__"):
        return _of_old_model(annotation), {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _of_annotation(annotation, parameter.default)
        except Exception:  # An annotation is any expression; one without a schema may be anything.
            return _of_annotation(Any, parameter.default)


def _of_annotation(annotation: Any, default: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    from pydantic import ConfigDict, create_model

    field = (annotation, ... if default is Parameter.empty else default)
    model = create_model("Parameter", __config__=ConfigDict(arbitrary_types_allowed=True), value=field)
    schema = model.model_json_schema(ref_template="#/definitions/{model}")
    described = schema["properties"]["value"]
    # A reference with a default beside it is wrapped for validators that ignore what is beside a reference.
    if len(described.get("allOf", ())) == 1:
        described |= described.pop("allOf")[0]
    return described, schema.get("$defs", {})


def _of_old_model(model: Any) -> dict[str, Any]:
    described: dict[str, Any] = model.schema() if hasattr(model, "schema") else {}
    return described


def _is_required(parameter: Parameter) -> bool:
    if parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
        return False
    default: FieldInfo | Any = parameter.default
    if hasattr(default, "is_required"):
        return bool(default.is_required())
    return default is Parameter.empty


_SECTION = re.compile(r"^(Args|Arguments|Parameters):\s*$")
_ENTRY = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


def parameter_docstrings(docstring: str | None) -> dict[str, str]:
    """What a docstring says of each parameter, in the `Args:` section of Google's style.

    Args:
        docstring: The docstring, without common indentation; None has no section.

    Returns:
        Descriptions by name, lines kept.
    """
    lines = iter((docstring or "").splitlines())
    if not any(_SECTION.match(line) for line in lines):
        return {}
    found: dict[str, list[str]] = {}
    current: list[str] = []
    depth = 0
    for line in lines:
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        if text and not indent:
            break
        entry = _ENTRY.match(text)
        if entry and (not depth or indent == depth):
            depth = indent
            current = found.setdefault(entry[1], [])
            text = entry[2]
        current.append(text)
    return {name: "\n".join(described).strip() for name, described in found.items()}
