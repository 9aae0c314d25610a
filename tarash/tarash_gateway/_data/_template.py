"""Where a result is to go, as users write it: a name with fields in it. Pure; touches no disk.

Only what is filled in is made safe. The rest is the user's own text, and stays as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import util
from pathlib import Path
from urllib.parse import unquote, urlsplit

from typing_extensions import TypedDict  # pydantic reads the standard one from 3.12 on only

from .._support._extras import how_to_install

FIELDS = ("provider", "model", "request_id", "index", "ext")
OWN_NAME = "{provider}-{request_id}.{ext}"
"""What a result is called where the user names a folder only."""
STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss", "adl"})
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
UNSAFE = re.compile(r"[^\w.-]+")
EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}$")
LONGEST_VALUE = 80
"""Characters of one filled-in field: ids of models can be long, and names of files can't."""
RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)
"""Names that Windows keeps for devices."""


class SaveLimits(TypedDict, total=False):
    """What saving may come to: a server that goes on for ever fills no disk."""

    max_bytes: int
    """Of one result; 8 GiB by default."""
    timeout: float
    """Seconds for all results of a response; an hour by default."""


MOST_BYTES = 8 * 1024**3
MOST_SECONDS = 3600.0


@dataclass(frozen=True)
class Template:
    """A place to save to; its fields are filled in for each result."""

    text: str
    """Without `file://`; of an object store with its scheme."""
    scheme: str | None
    """Of an object store; None for the disk."""

    @classmethod
    def parse(cls, place: str | os.PathLike[str]) -> Template:
        """Read what a user wrote.

        Raises:
            ValueError: It can't be a place; the message says what can.
        """
        text = os.fspath(place)
        if isinstance(text, str) and "\0" in text:
            raise ValueError(f"the place to save to has a zero byte in it: {text!r}")

        if not isinstance(text, str) or not text.strip():
            raise ValueError("the place to save to is empty; name a file, such as 'cat.mp4'")

        if not isinstance(place, str) and re.match(r"[A-Za-z][A-Za-z0-9+]+:/[^/]", text):
            raise ValueError(f"{text!r}: give the address of an object store as str, not Path")

        scheme = _scheme(text)
        if scheme == "file":
            from urllib.request import url2pathname  # takes along all that speaks HTTP

            text, scheme = url2pathname(unquote(urlsplit(text).path)), None
        elif scheme is not None and scheme not in STORES:
            raise ValueError(
                f"{text!r}: results can be saved to a file, or to an object store (s3://, gs://, "
                "az://)"
            )

        if scheme is not None and "@" in urlsplit(text).netloc:
            raise ValueError(
                f"an address of {scheme}:// holds no user name and no key: set the environment "
                "variables of the object store"
            )

        if scheme is not None and not urlsplit(text).netloc:
            raise ValueError(f"{text!r} names no bucket; write {scheme}://bucket/name.mp4")

        _check_fields(text)
        return cls(text.replace(os.sep, "/") if scheme is None else text, scheme)

    def check_installed(self) -> None:
        """Check that what speaks to object stores is there, where this is one.

        Raises:
            ValueError: It isn't; the message names the extra.
        """
        try:
            missing = not self.is_local and util.find_spec("obstore") is None
        except (ModuleNotFoundError, ValueError):  # as import hooks have it
            missing = True

        if missing:
            raise ValueError(
                f"saving to {self.text!r} needs the extra 'storage': {how_to_install('storage')}"
            )

    def check_home(self) -> None:
        """Check that the home folder which it begins with is there.

        Raises:
            ValueError: This machine has no such user.
        """
        first = self.text.partition("/")[0]
        is_home = self.is_local and first.startswith("~")
        if is_home and os.path.expanduser(first) == first:  # noqa: PTH111  (a Path raises)
            raise ValueError(
                f"there is no home folder {first!r}; write './{first}' or the whole path"
            )

    @cached_property
    def fields(self) -> set[str]:
        """The names of the fields in it."""
        return {part[1] for part in PART.finditer(self.text) if part[1] is not None}

    @property
    def is_local(self) -> bool:
        """Whether it is on the disk."""
        return self.scheme is None

    @cached_property
    def names_a_folder(self) -> bool:
        """Whether the text ends like a folder."""
        bare_bucket = not self.is_local and not urlsplit(self.text).path
        return self.text.endswith("/") or self.text in (".", "..", "~") or bare_bucket

    @cached_property
    def literal(self) -> Path | None:
        """The path that its text is; None where there are fields to fill in, and of a store."""
        if self.fields or not self.is_local:
            return None

        return self.path(PART.sub(lambda doubled: doubled[0][0], self.text))

    def within(self) -> Template:
        """Return the place of a result with a name of ours in this folder."""
        return Template(f"{self.text.rstrip('/')}/{OWN_NAME}", self.scheme)

    def numbered(self, count: int) -> Template:
        """Return a template that tells results apart: `cat.png` becomes `cat-{index}.png`."""
        if count <= 1 or "index" in self.fields:
            return self

        folder, slash, name = self.text.rpartition("/")
        stem, dot, ending = name.rpartition(".")
        if ending != "{ext}" and not (dot and EXTENSION.fullmatch(f".{ending}")):
            stem, dot, ending = name, "", ""

        return Template(f"{folder}{slash}{stem}-{{index}}{dot}{ending}", self.scheme)

    @cached_property
    def needs_extension(self) -> bool:
        """Whether the name has none of its own."""
        bare = PART.sub("", self.text.rpartition("/")[2])
        return "ext" not in self.fields and EXTENSION.search(bare) is None

    @property
    def is_fixed(self) -> bool:
        """Whether the name is known before the first byte has come."""
        return not self.needs_extension and "ext" not in self.fields

    def fill(self, facts: Mapping[str, object], ext: str) -> str:
        """Return the place of one result.

        Args:
            facts: The values of the fields.
            ext: What the media's type ends in, without a dot.
        """
        values = {**facts, "ext": ext}

        def replace(match: re.Match[str]) -> str:
            if match[1] is None:
                return match[0][0]

            return safe(str(values[match[1]]))

        filled = PART.sub(replace, self.text)
        return f"{filled}.{ext}" if self.needs_extension else filled

    def path(self, filled: str) -> Path:
        """Return a filled place as a path on the disk."""
        return Path(filled).expanduser()


def of_many(place: str) -> str:
    """Return the place of results that come one after the other: a bare name is a folder.

    As a file, `clips` would be taken after the first of them, and the others would not be saved.
    """
    template = Template.parse(place)
    return place if template.fields or not template.needs_extension else f"{place.rstrip('/')}/"


def numbered(place: Path | str, number: int) -> Path | str:
    """Return a place with a number at its name: `out/cat-2.mp4`."""
    if isinstance(place, Path):
        return place.with_name(f"{place.stem}-{number}{place.suffix}")

    folder, slash, name = place.rpartition("/")
    stem, dot, ending = name.rpartition(".") if "." in name.lstrip(".") else (name, "", "")
    return f"{folder}{slash}{stem}-{number}{dot}{ending}"


def safe(value: str) -> str:
    """Return a value fit to be a part of a file's name, on every system."""
    kept = UNSAFE.sub("_", value)[:LONGEST_VALUE].lstrip(".").rstrip(". ")
    return f"_{kept}" if not kept or RESERVED.match(kept) else kept


def _scheme(text: str) -> str | None:
    match = SCHEME.match(text)
    return match[1].lower() if match else None


def _check_fields(text: str) -> None:
    for part in PART.finditer(text):
        if part[0] in ("{", "}"):
            raise ValueError(
                f"{text!r}: a single {part[0]!r} stands for nothing; write it twice to have it in "
                "the name"
            )

        if part[1] is not None and part[1] not in FIELDS:
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise ValueError(f"{text!r}: there is no {{{part[1]}}}; there are {known}")
