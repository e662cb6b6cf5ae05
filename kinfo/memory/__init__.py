"""Where bytes come from: dump files, streams and plain bytes, all read the same way."""

from kinfo.memory.dump import BytesDump, Dump, FileDump, open_dump

__all__ = ["BytesDump", "Dump", "FileDump", "open_dump"]
