"""Bytes of anything out of a dump: a region of its inspect table, a symbol, a virtual or a physical address."""
