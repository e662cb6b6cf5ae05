"""Formats of what lies in reserved memory, read out of memory alone."""
