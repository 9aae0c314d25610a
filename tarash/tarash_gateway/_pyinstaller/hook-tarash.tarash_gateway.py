# PyInstaller wants this name.  # noqa: N999
"""What no import statement names: adapters and models are imported by name; clips, schemas."""

from __future__ import annotations

from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

PACKAGE = "tarash.tarash_gateway"
UNUSED = (f"{PACKAGE}.testing", f"{PACKAGE}.cli", f"{PACKAGE}._pyinstaller")

hiddenimports = collect_submodules(PACKAGE, filter=lambda name: not name.startswith(UNUSED))
datas = collect_data_files(PACKAGE) + copy_metadata("tarash-gateway")
