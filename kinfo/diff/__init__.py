"""Two records compared field by field, by meaning: what is the same, what moved, what is expected, what is a regression."""
