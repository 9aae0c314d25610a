"""What keeps a medium from coming from its URL. Apart, so that a save of bytes loads no network."""

from __future__ import annotations


class Failed(Exception):  # noqa: N818  (its text becomes part of an error of ours)
    """The medium can't be had."""


class Gone(Failed):
    """The URL doesn't open, or no longer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"its URL answers HTTP {status}")
        self.status = status


class Refused(Exception):  # noqa: N818  (its text becomes part of an error of ours)
    """The address is none that a download may go to."""
