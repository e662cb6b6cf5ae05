"""The documents as a site: Sphinx over the same Markdown that the code host shows. `python -m tools.documents` builds it."""
