"""What of a memory is the kernel's own: the part of a dump that can be handed on, without processes and files."""
