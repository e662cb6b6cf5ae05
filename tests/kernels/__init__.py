"""Kernels in physical memory, written for tests: kallsyms tables, page tables, modules, a record, in dumps of several kinds.

A writer of its own, from the format's facts and not from the reader under test.
"""
