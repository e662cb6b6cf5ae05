"""Sphinx's configuration. Its source folder is the project's root: so every link means what it means on the code host."""

from kinfo.version import __version__
from tools.documents import contents

project = "kinfo"
author = "The kinfo authors"
version = release = __version__
language = "en"

extensions = ["myst_parser", "tools.documents.extension"]
root_doc = contents.FIRST
include_patterns = ["*.md", "docs/*.md"]
exclude_patterns = [".*", "build", "dist", "tests", "kinfo", "tools", "bindings", "dts_examples", "benchmarks"]

myst_heading_anchors = 4  # named as the code host names them
nitpicky = True
smartquotes = False  # quotes in the documents are those of shells and languages

html_theme = "furo"
html_title = f"kinfo {release}"
html_static_path = ["static"]
html_css_files = ["kinfo.css"]
html_copy_source = False
html_use_index = False
html_show_copyright = False
html_show_search_summary = False  # it would fetch the pages, which a browser does not do for files
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
