"""What all commands have in common: their help, and what a group says that is called alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from . import _terminal as terminal
from ._errors import Exit
from ._words import offer

ROOM = 80
"""Columns below which tables of options cut off their names, which nobody can then type."""


def _without_types(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""  # it takes no value, so none is shown

    return parameters


class _Command(TyperCommand):
    def invoke(self, ctx: Any) -> Any:
        """Run it; what is said meanwhile names no option that it lacks."""
        offer({name for param in self.params for name in getattr(param, "opts", ())})
        return super().invoke(ctx)

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help: in tables where there is room, else in plain lines."""
        drawn = self.rich_markup_mode
        if shutil.get_terminal_size().columns < ROOM:
            self.rich_markup_mode = None

        try:
            super().format_help(ctx, formatter)
        finally:
            self.rich_markup_mode = drawn


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))


class App(typer.Typer):
    """Commands, or groups of them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=_Group, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Return what makes a command of a function."""
        return super().command(name, cls=_Command, **settings)


def help_alone(context: typer.Context) -> None:
    """Show the help where no command follows; a group alone does nothing."""
    if context.invoked_subcommand is None:
        shown = context.get_help()  # with rich, it has been written already
        if shown.strip():
            terminal.result(shown)

        raise typer.Exit(Exit.USAGE)
