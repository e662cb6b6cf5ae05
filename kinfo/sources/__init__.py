"""What a user names, opened once: recognised by content, unpacked, its bytes, and the physical memory made of them."""

from kinfo.sources.memory import RawDump, open_memory, open_source
from kinfo.sources.opened import Opened, open_all, open_file
from kinfo.sources.recognise import Recognised, recognise

__all__ = ["Opened", "RawDump", "Recognised", "open_all", "open_file", "open_memory", "open_source", "recognise"]
