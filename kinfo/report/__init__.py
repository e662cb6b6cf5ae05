"""Rendering only: decoded records, findings and layouts as text, JSON, YAML, SARIF, JUnit and GitHub annotations."""
