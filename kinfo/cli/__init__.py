"""The command line: one file a command, each thin: parse the arguments, call the library, render."""
