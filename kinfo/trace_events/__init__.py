"""Events of ftrace: their formats, as the kernel tells them, and what records say by them. Pure: on bytes and text alone."""
