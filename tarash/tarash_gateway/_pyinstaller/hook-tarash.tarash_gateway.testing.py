# PyInstaller wants this name.  # noqa: N999
"""What no import statement names: how each simulated provider answers is imported by name."""

from __future__ import annotations

from PyInstaller.utils.hooks import collect_submodules

PACKAGE = "tarash.tarash_gateway.testing"

hiddenimports = collect_submodules(PACKAGE, filter=lambda name: not name.endswith(".pytest_plugin"))
