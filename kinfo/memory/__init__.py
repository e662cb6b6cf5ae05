"""Where bytes come from: dump files, streams and plain bytes, and physical memory made of them."""

from kinfo.memory.dump import BytesDump, Dump, FileDump, open_dump
from kinfo.memory.physical import Memory, Segment

__all__ = ["BytesDump", "Dump", "FileDump", "Memory", "Segment", "open_dump"]
