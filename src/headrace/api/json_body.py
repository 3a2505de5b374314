"""JSON bodies: decoded straight into their schema, and told apart precisely where they do not fit.

Every route that has a parameter `data` gets it decoded here (`JsonBody` is the application's DTO). msgspec checks as it
decodes: there is no intermediate form and no second pass, and a body that does not fit has changed nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import msgspec
from litestar.dto import AbstractDTO

from headrace.api.errors import InvalidRequest
from headrace.api.problems import Problem, read_message, sentence
from headrace.schema.base import Parameters

if TYPE_CHECKING:
    from litestar._openapi.schema_generation import SchemaCreator
    from litestar.dto import DTOFieldDefinition
    from litestar.openapi.spec import Reference, Schema
    from litestar.typing import FieldDefinition

__all__ = ["ACCEPTS_NUL", "MAX_ECHO", "JsonBody", "decode_body"]

MAX_ECHO = 65_536
"""Bytes of a wrong body up to which it is repeated in the answer."""

ACCEPTS_NUL = {"accepts_nul": True}
"""The option of a route whose texts may hold NUL characters: what programs print is kept, with a mark in their place."""

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

_decode_any = msgspec.json.Decoder().decode


class JsonBody(AbstractDTO[Any]):
    """Decodes the body of a request into the type of the handler's parameter `data`."""

    config: ClassVar[Any] = None
    _decoders: ClassVar[dict[str, msgspec.json.Decoder[Any]]] = {}

    def decode_bytes(self, value: bytes) -> Any:
        """The body in its type.

        Raises:
            InvalidRequest: It is no JSON, or does not fit.
        """
        handler = self.asgi_connection.route_handler
        options = handler.opt
        decoder = options.get("decoder")
        if decoder is None:  # the handler's id is made anew whenever it is asked for, in 10 us
            decoder = options["decoder"] = self._decoders[handler.handler_id]
        return decode_body(value, decoder, accept_nul=options.get("accepts_nul", False))

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any = None
    ) -> None:
        """Prepare to decode for a handler."""
        if field_definition.name == "data":
            cls._decoders[handler_id] = msgspec.json.Decoder(field_definition.annotation)

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: SchemaCreator
    ) -> Reference | Schema:
        """The type's own schema."""
        return schema_creator.for_field_definition(field_definition)

    @classmethod
    def is_supported_model_type_field(cls, field_definition: FieldDefinition) -> bool:
        """Results are encoded as they are, so for them this is not asked for."""
        return False

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Iterator[DTOFieldDefinition]:  # type: ignore[override]
        """No type is taken apart into fields."""
        return iter(())

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        """No type is taken apart into fields."""
        return False


def decode_body(body: bytes, decoder: msgspec.json.Decoder[Any], *, accept_nul: bool = False) -> Any:
    """Decode a JSON body.

    Args:
        body: The body.
        decoder: The decoder of its type.
        accept_nul: Whether its texts may have NUL characters.

    Raises:
        InvalidRequest: It is no JSON, or does not fit the type, or has a NUL character.
    """
    try:
        decoded = _decode(body, decoder)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid(body, error) from error
    if not accept_nul and b"\\u0000" in body and _NUL.search(body):
        problem = Problem("nul_character", ["body"], "A text has a NUL character (\\u0000): leave it out.")
        raise InvalidRequest([problem], _echo(body))
    return decoded


def _decode(body: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        members = _decode_any(body) if b"null" in body and _has_parameters(decoder.type) else None
        if not isinstance(members, dict):
            raise
    given = {name: value for name, value in members.items() if value is not None}
    return msgspec.convert(given, decoder.type)


def _has_parameters(kind: Any) -> bool:
    return any(isinstance(each, type) and issubclass(each, Parameters) for each in (kind, *get_args(kind)))


def _invalid(body: bytes, error: Exception) -> InvalidRequest:
    if isinstance(error, RecursionError):
        return InvalidRequest(
            [Problem("recursion", ["body"], "The JSON is nested too deeply: use fewer levels.")]
        )
    if not isinstance(error, msgspec.ValidationError):
        return InvalidRequest([Problem("json_invalid", ["body"], sentence(str(error)))], _echo(body))
    echo = _parsed(body)
    kind, place, text = read_message(str(error))
    problem = Problem(kind, ["body", *place], text, _at(echo, place))
    return InvalidRequest([problem], echo if len(body) <= MAX_ECHO else None)


def _parsed(body: bytes) -> Any:
    try:
        return _decode_any(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _echo(body: bytes) -> Any:
    """What an answer repeats of a body that cannot be decoded as JSON."""
    return body.decode(errors="replace") if len(body) <= MAX_ECHO else None


def _at(value: Any, place: list[str | int]) -> Any:
    """What is at a place in decoded JSON; what is around it where there is nothing."""
    for step in place:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return value
    return value
