"""The tasks of a kernel: who there was, in which state, on which CPU."""
