"""Whether a value fits its JSON Schema: an error names the field, what is required and what came."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jsonschema_rs import ValidationError, validator_for


class Invalid(ValueError):
    """A value does not fit its schema; the text begins with the path to the field."""


def checker(schema: dict[str, Any]) -> Callable[[Any], None]:
    """A function that raises Invalid for a value that does not fit."""
    validator = validator_for(schema, mask="it")  # what came may be long: it is shown in brief

    def check(value: Any) -> None:
        for error in validator.iter_errors(value):
            inner = _deepest(error)
            raise Invalid(f"{_field(inner)}: {_required(schema, inner)}, got {_brief(inner.instance)}")

    return check


def _deepest(error: ValidationError) -> ValidationError:
    """Of the forms that a value may have, what is wrong with the one that fits the most; what is wrong with a name."""
    named: ValidationError | None = getattr(error.kind, "error", None)
    if named is not None:
        return named
    inner = [e for branch in getattr(error.kind, "context", ()) for e in branch]
    best = max(inner, key=lambda e: len(e.instance_path), default=error)
    return _deepest(best) if len(best.instance_path) > len(error.instance_path) else error


def _field(error: ValidationError) -> str:
    parts = [f".{p}" if isinstance(p, str) and re.fullmatch(r"\w+", p) else f"[{p!r:.80}]" for p in error.instance_path]
    return "".join(parts).removeprefix(".") or "the file"


def _required(schema: Any, error: ValidationError) -> str:
    """The schema's own description of a text, else what the rule says."""
    *path, rule = error.schema_path
    for part in path:
        schema = schema[part]
    if rule in ("pattern", "anyOf") and "description" in schema:
        return f"{schema['description']} is required"
    return f"{error.message:.200}"


def _brief(value: Any) -> str:
    """What came: in full where it is short."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    return f"{value!r:.60}"
