"""Plays the vendor of any declaration, `acme.toml`: reads the file by itself.

Shares no code with the adapter that reads the same file: where the two disagree on what a line
means, a test shows it.
"""

from tarash.tarash_gateway.testing._declarations._reading import Declaration, is_file, read
from tarash.tarash_gateway.testing._declarations._wire import DeclaredWire

__all__ = ["Declaration", "DeclaredWire", "is_file", "read"]
