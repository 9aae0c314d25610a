# PyInstaller wants this name.  # noqa: N999
"""What no import statement names: adapters and models are imported by name; clips, schemas.

The command line, the server and the tools for agents are in a program that imports them, and in no
other: they bring a web framework, and what that brings.
"""

from __future__ import annotations

from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

PACKAGE = "tarash.tarash_gateway"
DOORS = ("testing", "cli", "server", "mcp", "observability", "_pyinstaller", "__main__")
UNUSED = tuple(f"{PACKAGE}.{name}" for name in DOORS)

hiddenimports = collect_submodules(PACKAGE, filter=lambda name: not name.startswith(UNUSED))
datas = collect_data_files(PACKAGE) + copy_metadata("tarash-gateway")
