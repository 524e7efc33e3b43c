"""Sphinx settings of the audiolab site.

The build is ``python -m sphinx -c . -W --keep-going -E docs docs/_build/html``: this file lives at
the root, the sources in ``docs/``. Gallery paths are therefore relative to ``docs/``, static files
and templates to the root. Whatever is callable lives in ``docs/_ext`` and is named by a dotted
string, so that Sphinx can pickle the configuration. Nothing here or in the built pages touches the
network."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_ext")]

# Examples run in this process and Sphinx may fork afterwards: one thread, set before torch is
# imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")

import audiolab_docs  # noqa: E402

import audiolab  # noqa: E402

# ------------------------------------------------------------------------------------------ project
project = "audiolab"
author = "The audiolab developers"
copyright = author
version = release = audiolab.__version__
language = "en"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "audiolab_docs",
    "audiolab_mathml",
    "audiolab_player",
    "audiolab_reference",
    "myst_parser",
]
nitpicky = True
nitpick_ignore_regex = audiolab_docs.NITPICK_IGNORE
suppress_warnings = audiolab_docs.suppressed_warnings()
exclude_patterns = ["_build", "auto_examples/**/*.ipynb", "auto_examples/**/*.py", "gen"]
templates_path = ["docs/_templates"]
default_role = "name"
smartquotes = False  # straight quotes survive copying into a terminal

# ------------------------------------------------------------------------------------ API reference
autodoc_typehints = "none"  # numpydoc's sections say types with shape, unit and range
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autosummary_generate = False
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
toc_object_entries_show_parents = "hide"
add_module_names = False

# Local stubs only: a remote inventory would make the build depend on somebody else's server.
intersphinx_mapping = {
    name: (url, f"_inventories/{name}.inv") for name, url in audiolab_docs.INVENTORIES.items()
}

# ------------------------------------------------------------------------------------------ gallery
sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["auto_examples"],
    "filename_pattern": r"\.py$",
    "ignore_pattern": audiolab_docs.ignore_pattern(),
    "subsection_order": [f"../examples/{subject}" for subject in audiolab_docs.subjects()],
    "within_subsection_order": "audiolab_docs.page_order",
    "minigallery_sort_order": "audiolab_docs.page_order",
    "backreferences_dir": "gen/backreferences",
    "doc_module": ("audiolab",),
    "exclude_implicit_doc": {r"audiolab\.display\.use_style"},
    "inspect_global_variables": False,
    "capture_repr": ("_repr_html_",),
    "image_srcset": ["2x"],
    "reset_modules": ("matplotlib", "audiolab_docs.reset", "audiolab_player.reset"),
    "reset_modules_order": "both",
    "thumbnail_size": (640, 256),
    "default_thumb_file": str(ROOT / "docs" / "_static" / "thumbnail.svg"),
    "remove_config_comments": True,
    "show_signature": False,
    "show_memory": False,
    "recommender": {
        "enable": audiolab_docs.page_count() >= 12,  # with fewer, all are related to all
        "n_examples": 3,
        "min_df": 2,
        "max_df": 0.9,
    },
    # No times in pages and no time tables: they load scripts from a CDN and make builds differ.
    "min_reported_time": 1_000_000,
    "write_computation_times": False,
    "junit": "../junit/gallery.xml",
}

# --------------------------------------------------------------------------------------------- HTML
html_theme = "pydata_sphinx_theme"
html_title = "audiolab"
html_favicon = "docs/_static/favicon.svg"
html_static_path = ["docs/_static"]
html_css_files = ["audiolab.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_context = {"default_mode": "auto", "build_versions": audiolab_docs.build_versions()}
html_sidebars = {
    "**": ["sidebar-nav-bs"],
    "index": [],
    "404": [],
    "install": [],
    "cli": [],
    "glossary": [],
    "changelog": [],
}
html_additional_pages = {"404": "404.html"}
html_theme_options = {
    "logo": {
        "text": "audiolab",
        "image_light": "_static/logo-light.svg",
        "image_dark": "_static/logo-dark.svg",
        "alt_text": "audiolab, home",
    },
    "check_switcher": False,
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc", "sg_download_links"],
    "footer_start": ["build-versions"],
    "footer_center": [],
    "footer_end": ["audio-notice"],
    "pygments_light_style": "github-light-high-contrast",
    "pygments_dark_style": "github-dark-high-contrast",
    "show_prev_next": True,
    "back_to_top_button": False,
    "navigation_with_keys": False,  # the arrow keys belong to the player
    "use_edit_page_button": False,
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
