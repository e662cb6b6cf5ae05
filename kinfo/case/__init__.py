"""Everything that can be said of one case: from dumps, logs and boards to documents, and what could not be had."""
