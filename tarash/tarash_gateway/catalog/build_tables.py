"""Fills the tables of pages: `python -m tarash.tarash_gateway.catalog.build_tables PAGES…`.

For developers; a test holds the pages in step with the catalogue.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ._tables import write


def main(arguments: list[str] | None = None) -> None:
    """Fill the pages that the command line names."""
    parser = argparse.ArgumentParser(description="Fill the generated tables of pages.")
    parser.add_argument("pages", nargs="+", type=Path)
    write(parser.parse_args(arguments).pages)


if __name__ == "__main__":
    main()
