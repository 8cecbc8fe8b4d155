"""The documentation's site: `make docs` builds it in build/docs.

The pages are Markdown that GitHub shows as well; the reference comes from the docstrings, the pages
of the examples from the scripts in examples/.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]

import keras_lr  # noqa: E402

project = "keras-lr"
author = copyright = "The keras-lr developers"
version = release = keras_lr.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "_ext.docstrings",
    "_ext.examples",
]
exclude_patterns = ["_ext", "figures"]

# Markdown as GitHub reads it: its anchors, so that `page.md#heading` leads somewhere in both places.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

# Docstrings are Google's, with `code` in single backticks as in Markdown.
default_role = "code"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "keras-lr"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
