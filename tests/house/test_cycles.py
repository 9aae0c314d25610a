"""No module imports itself by way of others: not as it is loaded, and not lazily."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import tarash.tarash_gateway

PACKAGE = Path(tarash.tarash_gateway.__file__).parent
NAME = "tarash.tarash_gateway"
MODULES = {
    ".".join([NAME, *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__"): (
        path
    )
    for path in sorted(PACKAGE.rglob("*.py"))
}


def imports(module: str) -> Iterator[str]:
    """Yield the modules of the package that one imports at run time, wherever it does."""
    path = MODULES[module]
    room = module if path.stem == "__init__" else module.rpartition(".")[0]
    for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            above = room.split(".")[: len(room.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                found = [name for name in (f"{origin}.{alias.name}", origin) if name in MODULES]
                yield from found[:1]


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what can run: all but the blocks for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue

        yield node
        yield from statements(node)


def test_no_module_imports_itself_by_way_of_others() -> None:
    # A room's face hands names on, and is there before what is in it.
    graph = {
        module: {
            one for one in imports(module) if one != module and not module.startswith(f"{one}.")
        }
        for module in MODULES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None
