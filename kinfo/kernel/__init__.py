"""What a record points at: the running kernel's symbol table, page tables and modules, read out of a RAM dump."""
