"""The kernel's types, out of the BTF that it carries: where the members of its structs lie."""

from kinfo.kernel.types.model import Member, Struct
from kinfo.kernel.types.types import Types

__all__ = ["Member", "Struct", "Types"]
