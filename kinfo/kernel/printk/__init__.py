"""What the kernel printed: its log, read out of the memory that it was kept in."""
