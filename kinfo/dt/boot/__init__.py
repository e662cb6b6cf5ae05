"""What the kernel makes of a tree's memory before any driver runs, step by step and release by release.

`releases` says which release does what; `memblock` is the early allocator, `ram` what it is told of RAM, `scan` how
/reserved-memory is read, `place` how regions without an address find one, `run` all of it in the kernel's order, `verdict`
what becomes of one region, `choice` whether a release can have put one at a given place.
"""
