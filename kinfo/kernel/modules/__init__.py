"""Loaded modules: their list, their memory and their own symbol tables, through the record's offsets into struct module."""
