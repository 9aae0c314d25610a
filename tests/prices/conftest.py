"""A ledger of each kind, as the tests of ledgers have it."""

from tests.ledger.conftest import ledger

__all__ = ["ledger"]
