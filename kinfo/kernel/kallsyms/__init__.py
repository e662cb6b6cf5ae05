"""The kernel's own symbol table, read through a record: which address has which name.

How it lies in memory (scripts/kallsyms.c and kernel/kallsyms.c of 4.14 to 7.0): symbols are sorted by address. Their names
are compressed: each is a length and that many bytes, every byte stands for a token of `token_table`, where `token_index`
says; the first character of the whole is the symbol's type as nm prints it. `markers` says where every 256th name begins,
`offsets` where each symbol lies, and `seqs_of_names` is the order of the symbols by name. No table says which of its forms
it has: `encoding` takes that from the record, and `verify` makes sure.
"""
