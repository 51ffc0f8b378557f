"""JSON Schemas of the stand-ins, compiled to functions, and the reading of bodies that they judge.

The schemas are written from the vendors' pages and belong to the stand-ins alone. The compiler knows the part of draft
2020-12 that they use and refuses every other keyword, so that none is silently without effect. It exists because the
reference implementation is a tool of the tests, where the two are compared, and takes a hundred times as long.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

_NOTES = frozenset({"$schema", "$id", "$defs", "$comment", "title", "description", "examples"})


class Breach(Struct, gc=False):
    """The first thing that is wrong with a value: the keyword of the schema, what it demands, and where."""

    keyword: str
    demand: Any
    steps: list[str | int]
    """The way to the value, the last step first."""

    @property
    def place(self) -> str:
        """Return where it is: `events[0].userId`, empty for the whole."""
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in reversed(self.steps))
        return text.removeprefix(".")

    @property
    def reason(self) -> str:
        """Return a short code for counting, of names that the schema knows: `missing_user_id`, `invalid_uri`."""
        if self.keyword in {"additionalProperties", "propertyNames"}:
            return "unknown_key"
        name = next((step for step in self.steps if isinstance(step, str)), "body")
        return f"{'missing' if self.keyword == 'required' else 'invalid'}_{name}"

    @property
    def text(self) -> str:
        """Return it for a person, without the value itself."""
        place = f"${'' if self.place.startswith('[') or not self.place else '.'}{self.place}"
        if self.keyword == "required":
            return f"missing - at `{place}`"
        return f"{self.keyword} {json.dumps(self.demand)} is not met - at `{place}`"


Shape = Callable[[Any], "Breach | None"]


def shape(name: str, definition: str | None = None) -> Shape:
    """Return the check by the schema of this name, or by one of its `$defs`.

    Raises:
        ValueError: When the schema uses a keyword that is not known here.
    """
    schema = json.loads(files("processor.sandbox").joinpath("schemas", f"{name}.schema.json").read_text("utf-8"))
    return compiled(schema if definition is None else {"$ref": f"#/$defs/{definition}"}, schema)


def compiled(schema: Any, root: Any | None = None) -> Shape:  # noqa: ANN401 - a JSON Schema
    """Return the check by this schema, whose references lead into `root`, by default into itself.

    Raises:
        ValueError: When it uses a keyword that is not known here.
    """
    return _Compiler(schema if root is None else root).check_of(schema)


def read(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value. A number that no float holds is read as infinity: it is the sender's to write it.

    Raises:
        ValueError: When it is not JSON, or not UTF-8, or spells half a character, or is nested too deeply to be read.
    """
    try:
        try:
            return _DECODER.decode(body)
        except msgspec.ValidationError:  # an untyped decoder says so of integers that are too long, and of nothing else
            return _read_long_integers(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=float)


def _read_long_integers(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    value = json.loads(body, parse_int=_whole, parse_constant=_no_number)
    msgspec.json.encode(value)  # refuses half a character, as the decoder above does
    return value


def _whole(text: str) -> int | float:
    return int(text) if len(text) < 1000 else float(text)  # noqa: PLR2004 - far below what Python refuses to read


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: type(value) is dict,
    "array": lambda value: type(value) is list,
    "string": lambda value: type(value) is str,
    "boolean": lambda value: type(value) is bool,
    "null": lambda value: value is None,
    "number": lambda value: type(value) in {int, float},
    "integer": lambda value: type(value) is int or (type(value) is float and value.is_integer()),
}


def _is_address(family: socket.AddressFamily) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            socket.inet_pton(family, text)
        except (OSError, ValueError):
            return False
        return True

    return check


_FORMATS: Mapping[str, Callable[[str], bool]] = {
    "ipv4": _is_address(socket.AF_INET),
    "ipv6": _is_address(socket.AF_INET6),
}


def _kind(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: type(value) in kinds


_SIMPLE: Mapping[str, tuple[Callable[[Any], bool], Callable[[Any, Any], bool]]] = {
    "minLength": (_kind(str), lambda value, least: len(value) >= least),
    "maxLength": (_kind(str), lambda value, most: len(value) <= most),
    "format": (_kind(str), lambda value, name: _FORMATS[name](value)),
    "minItems": (_kind(list), lambda value, least: len(value) >= least),
    "maxItems": (_kind(list), lambda value, most: len(value) <= most),
    "minProperties": (_kind(dict), lambda value, least: len(value) >= least),
    "maxProperties": (_kind(dict), lambda value, most: len(value) <= most),
    "minimum": (_kind(int, float), lambda value, least: value >= least),
    "maximum": (_kind(int, float), lambda value, most: value <= most),
}
"""Keywords that compare one thing: which values they are about, and whether a value meets the demand."""


class _Compiler:
    """Compiles a schema; each reference once, so that a schema may refer to itself."""

    def __init__(self, root: Any) -> None:  # noqa: ANN401 - a JSON Schema
        self._root = root
        self._references: dict[str, Shape] = {}

    def check_of(self, schema: Any) -> Shape:  # noqa: ANN401 - a JSON Schema
        """Return the check by this part of the schema."""
        if isinstance(schema, bool):
            return lambda _: None if schema else Breach("false", schema, [])
        groups: dict[str, Callable[[Mapping[str, Any]], Shape]] = {
            "properties": self._members,
            "additionalProperties": self._members,
            "if": self._branches,
            "then": self._branches,
            "else": self._branches,
        }
        makers = {
            "type": _typed,
            "const": _constant,
            "enum": _chosen,
            "required": _complete,
            "pattern": _matching,
            "items": self._elements,
            "propertyNames": self._names,
            "allOf": self._all,
            "anyOf": self._any,
            "not": self._none,
            "$ref": self._referred,
        }
        checks: list[Shape] = []
        for keyword, demand in schema.items():
            if keyword in _NOTES:
                continue
            if keyword in _SIMPLE:
                checks.append(_simple(keyword, demand))
            elif keyword in makers:
                checks.append(makers[keyword](demand))
            elif keyword not in groups:
                raise ValueError(f"schema keyword {keyword!r} is not known")
        checks += [group(schema) for group in dict.fromkeys(groups[name] for name in groups if name in schema)]
        return checks[0] if len(checks) == 1 else _first(checks)

    def _referred(self, target: str) -> Shape:
        references = self._references
        if target not in references:

            def ahead(value: Any) -> Breach | None:  # noqa: ANN401 - any JSON value
                """Check by what is compiled below: a schema may refer to itself."""
                return references[target](value)

            references[target] = ahead
            part = self._root
            for step in target.removeprefix("#/").split("/"):
                part = part[step]
            references[target] = self.check_of(part)
        return references[target]

    def _members(self, schema: Mapping[str, Any]) -> Shape:
        known = {name: self.check_of(part) for name, part in schema.get("properties", {}).items()}
        others = schema.get("additionalProperties", True)
        other = None if others is True else None if others is False else self.check_of(others)

        def check(value: Any) -> Breach | None:  # noqa: ANN401 - any JSON value
            if type(value) is not dict:
                return None
            for name, member in value.items():
                member_check = known.get(name, other)
                if member_check is None:
                    if others is False:
                        return Breach("additionalProperties", others, [name])
                    continue
                breach = member_check(member)
                if breach is not None:
                    breach.steps.append(name)
                    return breach
            return None

        return check

    def _elements(self, schema: Any) -> Shape:  # noqa: ANN401 - a JSON Schema
        element_check = self.check_of(schema)

        def check(value: Any) -> Breach | None:  # noqa: ANN401 - any JSON value
            if type(value) is list:
                for index, element in enumerate(value):
                    breach = element_check(element)
                    if breach is not None:
                        breach.steps.append(index)
                        return breach
            return None

        return check

    def _names(self, schema: Any) -> Shape:  # noqa: ANN401 - a JSON Schema
        name_check = self.check_of(schema)

        def check(value: Any) -> Breach | None:  # noqa: ANN401 - any JSON value
            for name in value if type(value) is dict else ():
                breach = name_check(name)
                if breach is not None:
                    return Breach("propertyNames", breach.demand, [name])
            return None

        return check

    def _branches(self, schema: Mapping[str, Any]) -> Shape:
        condition = self.check_of(schema["if"])
        then, otherwise = self.check_of(schema.get("then", True)), self.check_of(schema.get("else", True))
        return lambda value: then(value) if condition(value) is None else otherwise(value)

    def _all(self, parts: Sequence[Any]) -> Shape:
        return _first([self.check_of(part) for part in parts])

    def _any(self, parts: Sequence[Any]) -> Shape:
        checks = [self.check_of(part) for part in parts]
        return _judging("anyOf", parts, lambda value: any(check(value) is None for check in checks))

    def _none(self, part: Any) -> Shape:  # noqa: ANN401 - a JSON Schema
        check = self.check_of(part)
        return _judging("not", part, lambda value: check(value) is not None)


def _judging(keyword: str, demand: Any, is_met: Callable[[Any], bool]) -> Shape:  # noqa: ANN401 - any JSON value
    return lambda value: None if is_met(value) else Breach(keyword, demand, [])


def _first(checks: Sequence[Shape]) -> Shape:
    def check(value: Any) -> Breach | None:  # noqa: ANN401 - any JSON value
        for each in checks:
            breach = each(value)
            if breach is not None:
                return breach
        return None

    return check


def _simple(keyword: str, demand: Any) -> Shape:  # noqa: ANN401 - any JSON value
    concerns, is_met = _SIMPLE[keyword]
    if keyword == "format" and demand not in _FORMATS:
        raise ValueError(f"format {demand!r} is not known")
    return _judging(keyword, demand, lambda value: not concerns(value) or is_met(value, demand))


def _typed(demand: str | Sequence[str]) -> Shape:
    checks = [_TYPES[name] for name in ([demand] if isinstance(demand, str) else demand)]
    is_met = checks[0] if len(checks) == 1 else lambda value: any(check(value) for check in checks)
    return _judging("type", demand, is_met)


def _constant(demand: Any) -> Shape:  # noqa: ANN401 - any JSON value
    return _judging("const", demand, lambda value: type(value) is type(demand) and value == demand)


def _chosen(demand: Sequence[str]) -> Shape:
    """Check by membership; the stand-ins' schemas choose among texts alone."""
    choices = frozenset(demand)
    return _judging("enum", demand, lambda value: type(value) is str and value in choices)


def _complete(names: Sequence[str]) -> Shape:
    def check(value: Any) -> Breach | None:  # noqa: ANN401 - any JSON value
        if type(value) is dict:
            for name in names:
                if name not in value:
                    return Breach("required", names, [name])
        return None

    return check


def _matching(demand: str) -> Shape:
    search = re.compile(demand).search
    return _judging("pattern", demand, lambda value: type(value) is not str or search(value) is not None)
