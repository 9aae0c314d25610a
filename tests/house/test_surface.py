"""One door: what `tarash.tarash_gateway` exports, and under which name."""

from __future__ import annotations

import ast
import builtins
import inspect
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

import tarash.tarash_gateway as gateway

PACKAGE = Path(gateway.__file__).parent
UNSTARRED = {"TimeoutError"}
"""Exported, but not by a star."""
FRONT_DOORS = ("__init__.py", "__main__.py", "cli/", "server/", "testing/")
INNER_FILES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if not path.relative_to(PACKAGE).as_posix().startswith(FRONT_DOORS)
]


def imported_names() -> set[str]:
    """Return the public names that the package's `__init__` binds, however it does."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    bound: set[str] = set()
    # Names for type checkers only are bound by `if TYPE_CHECKING:`, and delivered lazily.
    blocks = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.If))]
    for node in (node for block in blocks for node in block):
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            bound |= {alias.asname or alias.name for alias in node.names} - {"TYPE_CHECKING"}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            bound.add(node.name)

    return {name for name in bound if not name.startswith("_")}


def test_all_is_sorted_and_without_doubles() -> None:
    assert list(gateway.__all__) == sorted(set(gateway.__all__))


def test_every_name_that_a_module_lists_can_be_had_from_it() -> None:
    listed = [
        (module, name)
        for found in pkgutil.walk_packages([str(PACKAGE)], f"{gateway.__name__}.")
        if not found.name.endswith("__main__")
        for module in [import_module(found.name)]
        for name in getattr(module, "__all__", ())
    ]
    assert len(listed) > len(gateway.__all__)
    assert [(module.__name__, name) for module, name in listed if not hasattr(module, name)] == []


def test_all_is_complete_but_for_what_would_hide_a_built_in_name() -> None:
    assert imported_names() - set(gateway.__all__) == UNSTARRED
    assert vars(builtins).keys() & set(gateway.__all__) == set()


def test_what_a_star_leaves_out_can_be_imported_all_the_same() -> None:
    namespace: dict[str, Any] = {}
    exec("from tarash.tarash_gateway import *", namespace)  # noqa: S102  (as users write it)
    assert UNSTARRED.isdisjoint(namespace)
    for name in UNSTARRED:
        assert issubclass(getattr(gateway, name), getattr(builtins, name))


def test_an_exported_object_reports_the_door_as_its_module() -> None:
    # Type aliases and strings have no module of their own.
    exported = {name: getattr(gateway, name) for name in (*gateway.__all__, *UNSTARRED)}
    assert [
        name
        for name, one in exported.items()
        if (inspect.isclass(one) or inspect.isroutine(one)) and one.__module__ != gateway.__name__
    ] == []


def test_inner_modules_do_not_import_the_front_door() -> None:
    through_the_door = [
        f"{path.relative_to(PACKAGE)}, line {node.lineno}: {alias.name}"
        for path in INNER_FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == gateway.__name__
        for alias in node.names
        if alias.name in {*gateway.__all__, *UNSTARRED}
    ]
    assert through_the_door == []


def test_the_namespace_stays_open_for_sibling_packages() -> None:
    assert not (PACKAGE.parent / "__init__.py").exists()
