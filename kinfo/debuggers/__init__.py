"""What debuggers need to work on a dump: a file with its symbols, and their command lines."""
