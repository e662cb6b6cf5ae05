"""One row a writer of the record: everything that is known of it as plain data. Every other room reads it here."""

from __future__ import annotations
