"""The table's entries in memory, as construct models; `entry.py` has the same as struct codes, tested equal.

`struct inspect_entry` of meminspect v1 to v3: id, va, pa, size, type. `struct kmemdump_zone` of RFC v2: id, zone, size.
`struct minidump_region` of the Qualcomm driver, little endian everywhere.
"""

from __future__ import annotations

from construct import Bytes, Int32ul, Int64ul, Padding, Struct

LP64 = Struct("id" / Int32ul, Padding(4), "va" / Int64ul, "pa" / Int64ul, "size" / Int64ul, "type" / Int32ul, Padding(4))
ILP32 = Struct("id" / Int32ul, "va" / Int32ul, "pa" / Int32ul, "size" / Int32ul, "type" / Int32ul)
LPAE = Struct("id" / Int32ul, "va" / Int32ul, "pa" / Int64ul, "size" / Int32ul, "type" / Int32ul)
ZONE = Struct("id" / Int32ul, Padding(4), "va" / Int64ul, "size" / Int64ul)
REGION = Struct("name" / Bytes(16), "seq" / Int32ul, "valid" / Int32ul, "pa" / Int64ul, "size" / Int64ul)
