"""Kernels in memory that no record points at: known by what else says where their tables are."""
