"""Writes and reads the places in a body that a declaration names, such as `data[].url`."""

import re
from collections.abc import Mapping
from typing import Any


def place(body: dict[str, Any], path: str, value: Any) -> None:
    """Write a value at a place, with all that has to be around it."""
    _write(body, _steps(path), value)


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    for name in path.split("."):
        plain = name.removesuffix("[]")
        steps.append(int(plain) if plain.isdigit() else plain)
        if name.endswith("[]"):
            steps.append(0)

    return steps


def _write(holder: Any, steps: list[str | int], value: Any) -> None:
    step, *rest = steps
    if isinstance(step, int):
        while len(holder) <= step:
            holder.append({} if rest and isinstance(rest[0], str) else [] if rest else None)
    elif rest and not isinstance(holder.get(step), list if isinstance(rest[0], int) else dict):
        holder[step] = [] if isinstance(rest[0], int) else {}

    if rest:
        _write(holder[step], rest, value)
    else:
        holder[step] = value


def place_each(body: dict[str, Any], path: str, values: list[Any]) -> None:
    """Write several values at a place with `[]` in it; at any other the first alone."""
    if "[]" not in path:
        if values:
            place(body, path, values[0])

        return

    for number, value in enumerate(values):
        place(body, re.sub(r"\[\]", f".{number}", path, count=1), value)

    if not values:
        place(body, path.partition("[]")[0], [])


def read_at(body: Any, path: str) -> Any:
    """Return the first value at a place; None for nothing."""
    for step in _steps(path):
        if isinstance(step, int) and isinstance(body, list):
            body = body[step] if step < len(body) else None
        elif isinstance(body, Mapping):
            body = body.get(str(step))
        else:
            return None

    return body
