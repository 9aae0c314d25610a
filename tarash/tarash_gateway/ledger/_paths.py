"""What is on a disk in the place of a ledger; read without making one. Pure of any database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_missing(path: Path) -> bool:
    """Tell whether there is no file of a ledger's name; not whether it can be read."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        pass  # the ledger itself says what is wrong with it

    return False
