"""ftrace in a kernel's memory: formats of its events, its ring buffers, names of tasks."""
