"""The kernel's page tables: from a virtual address to where it lies in a dump, and where the kernel image is mapped."""
