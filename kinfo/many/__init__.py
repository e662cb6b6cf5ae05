"""Many files: from what a user names to files (`names.py`), and one function over all of them (`each.py`)."""
