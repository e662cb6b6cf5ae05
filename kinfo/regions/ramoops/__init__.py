"""ramoops: the zones in which pstore keeps a crash's log, the console, messages of user space and function traces."""
