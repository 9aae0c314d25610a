"""Sphinx's configuration; `nox -s docs` builds with it, strictly."""

from __future__ import annotations

from importlib.metadata import version as version_of

project = "Tarash Gateway"
author = copyright = "The Tarash Gateway authors"
release = version_of("tarash-gateway")
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = project

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
# Types of other projects are not documented here, and the build needs no network to find them.
FOREIGN = r"anyio|builtins|collections|datetime|pathlib|pydantic\w*|typing\w*"
nitpick_ignore_regex = [
    (r"py:.*", rf"(?:{FOREIGN})\b.*"),
    (r"py:class", r"[A-Za-z]+"),  # type aliases are named without their module, and are no classes
    (r"py:class", r"tarash\.tarash_gateway\.(?:.*\.)?_.*"),  # private base classes
]
