"""Regions of an inspect table as memory: files of a minidump, or the core image that holds them."""
