"""Sphinx's configuration; `nox -s docs` builds with it, strictly."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "Tarash Gateway"
author = copyright = "The Tarash Gateway authors"
release = version_of("tarash-gateway")
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docstrings"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["copy.js"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# In docstrings, a word between single backticks is code.
default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_typehints_description_target = "documented"
python_use_unqualified_type_names = True
# Types of other projects are not documented here, and the build needs no network to find them.
FOREIGN = r"anyio|builtins|collections|datetime|decimal|os|pathlib|pydantic\w*|typing\w*"
nitpick_ignore_regex = [
    (r"py:.*", rf"(?:{FOREIGN})\b.*"),
    (r"py:class", r"(?:tarash\.tarash_gateway\.)?Annotated"),
    (r"py:class", r"[A-Za-z]+"),  # type aliases are named without their module, and are no classes
    (r"py:class", r"dataclasses\.InitVar|types\.ModuleType"),
    (r"py:class", r"tarash\.tarash_gateway\.(?:.*\.)?_.*"),  # private base classes
]
