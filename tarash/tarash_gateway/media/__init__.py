"""Media on their way to a provider and back. Nothing here decides what is sent."""

from __future__ import annotations

from .._http._sniff import sniff
from ._forms import data_uri, encoded, from_data_uri
from ._inputs import Rules, has_media, load, placeholder, rules_of, to_wire
from ._measures import measures_of
from ._prepare import plan_media, prepare, with_paths
from ._stores import Unreachable, check_usable
from ._untrusted import check_untrusted

__all__ = [
    "Rules",
    "Unreachable",
    "check_untrusted",
    "check_usable",
    "data_uri",
    "encoded",
    "from_data_uri",
    "has_media",
    "load",
    "measures_of",
    "placeholder",
    "plan_media",
    "prepare",
    "rules_of",
    "sniff",
    "to_wire",
    "with_paths",
]
