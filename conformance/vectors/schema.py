"""JSON Schema, as much of it as our schemas use, compiled: an error names the field, the requirement and what came."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Check = Callable[[Any], None]
KINDS: dict[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
}


class Invalid(ValueError):
    """A value does not fit its schema; the text begins with the path to the field."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.path: list[str | int] = []

    def __str__(self) -> str:
        plain = [isinstance(part, str) and re.fullmatch(r"\w+", part) is not None for part in self.path]
        shown = "".join(f".{p}" if named else f"[{p!r:.80}]" for p, named in zip(self.path, plain, strict=True))
        return f"{shown.removeprefix('.') or 'the file'}: {self.args[0]}"


def checker(schema: dict[str, Any]) -> Check:
    """A function that raises Invalid for a value that does not fit."""
    return _compiled(schema, schema, {})


def _compiled(schema: Any, root: dict[str, Any], known: dict[str, Check]) -> Check:
    if "$ref" in schema:
        return _referred(schema["$ref"], root, known)
    makers = dict.fromkeys(make for word, make in WORDS.items() if word in schema)
    tests = [make(schema, root, known) for make in makers]

    def check(value: Any) -> None:
        for test in tests:
            test(value)

    return check


def _referred(reference: str, root: dict[str, Any], known: dict[str, Check]) -> Check:
    if reference not in known:
        known[reference] = lambda value: found(value)  # of a definition that refers to itself
        found = _compiled(root["$defs"][reference.removeprefix("#/$defs/")], root, known)
        known[reference] = found
    return known[reference]


def _type(schema: Any, root: Any, known: Any) -> Check:
    names = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    tests = [KINDS[name] for name in names]

    def check(value: Any) -> None:
        if not any(test(value) for test in tests):
            raise Invalid(f"{' or '.join(names)} is required, got {_brief(value)}")

    return check


def _brief(value: Any) -> str:
    """What came: in full where it is short."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    return f"{value!r:.60}"


def _values(schema: Any, root: Any, known: Any) -> Check:
    allowed = schema["enum"]

    def check(value: Any) -> None:
        if value not in allowed:
            raise Invalid(f"one of {', '.join(map(str, allowed))} is required, got {_brief(value)}")

    return check


def _pattern(schema: Any, root: Any, known: Any) -> Check:
    # Anchored on both sides; Python's own $ would let a line break pass.
    fits = re.compile(schema["pattern"].removeprefix("^").removesuffix("$")).fullmatch
    meaning = schema.get("description", schema["pattern"])

    def check(value: Any) -> None:
        if isinstance(value, str) and not fits(value):
            raise Invalid(f"{meaning} is required, got {_brief(value)}")

    return check


def _limits(schema: Any, root: Any, known: Any) -> Check:
    least, most = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
    longest = schema.get("maxLength", schema.get("maxItems", float("inf")))

    def check(value: Any) -> None:
        if isinstance(value, int | float) and not least <= value <= most:
            raise Invalid(f"a number from {least} to {most} is required, got {_brief(value)}")
        if isinstance(value, str | list) and len(value) > longest:
            raise Invalid(f"a length of at most {longest} is required, got {len(value)}")

    return check


def _items(schema: Any, root: Any, known: Any) -> Check:
    item = _compiled(schema["items"], root, known)

    def check(value: Any) -> None:
        place = 0
        try:
            for v in value if isinstance(value, list) else ():
                item(v)
                place += 1
        except Invalid as error:
            error.path.insert(0, place)
            raise

    return check


def _members(schema: Any, root: Any, known: Any) -> Check:
    own = {name: _compiled(s, root, known) for name, s in schema.get("properties", {}).items()}
    others = schema.get("additionalProperties", True)
    other = _compiled(others, root, known) if isinstance(others, dict) else None
    naming = _compiled(schema["propertyNames"], root, known) if "propertyNames" in schema else None

    def check(value: Any) -> None:
        for name in value if isinstance(value, dict) else ():
            if name not in own and others is False:
                raise Invalid(f"the name {name!r:.60} is unknown; {', '.join(own)} are known")
            test = own.get(name, other)
            try:
                if naming is not None:
                    naming(name)
                if test is not None:
                    test(value[name])
            except Invalid as error:
                error.path.insert(0, name)
                raise

    return check


def _required(schema: Any, root: Any, known: Any) -> Check:
    def check(value: Any) -> None:
        for name in schema["required"] if isinstance(value, dict) else ():
            if name not in value:
                raise Invalid(f"{name} is missing")

    return check


def _any(schema: Any, root: Any, known: Any) -> Check:
    tests = [_compiled(s, root, known) for s in schema["anyOf"]]
    meaning = schema.get("description", "another form")

    def check(value: Any) -> None:
        errors = []
        for test in tests:
            try:
                test(value)
                return
            except Invalid as error:
                errors.append(error)
        deepest = max(errors, key=lambda e: len(e.path))  # what fits the most
        raise deepest if deepest.path else Invalid(f"{meaning} is required, got {_brief(value)}")

    return check


WORDS = {"type": _type, "enum": _values, "pattern": _pattern, "minimum": _limits, "maximum": _limits,
         "maxLength": _limits, "maxItems": _limits, "required": _required, "properties": _members,
         "additionalProperties": _members, "propertyNames": _members, "items": _items, "anyOf": _any}  # fmt: skip
