"""Facts of a kernel build: everything that a writer of the record stores or needs, each with where it was found."""
