"""What can be found in zones of ramoops."""

from __future__ import annotations

from kinfo.findings import Rule, Severity

_CORE = "fs/pstore/ram_core.c"

LOST = Rule(
    "pstore-lost",
    Severity.ERROR,
    "blocks have more wrong bytes than the ECC can put right",
    "their bytes are given as they are: a text has wrong letters there, a compressed record does not unpack",
    "take the dump again where the device still has it; else read around them",
    f"{_CORE}: persistent_ram_ecc_old() counts them as unrecoverable",
)
CORRECTED = Rule(
    "pstore-corrected",
    Severity.INFO,
    "the ECC put bytes right",
    "none: what is given is what was written",
    "nothing to do; many of them mean that the memory lost power for a moment",
    f"{_CORE}: persistent_ram_ecc_old()",
)
ZONE = Rule(
    "pstore-zone",
    Severity.ERROR,
    "a zone whose bytes the driver would throw away",
    "nothing of it can be given: where its bytes begin and end is not known",
    "look at it with a hex editor; with --dtb FILE the layout is the tree's, and not worked out from the zones",
    f"{_CORE}: persistent_ram_post_init()",
)
CUT = Rule(
    "pstore-cut",
    Severity.ERROR,
    "the dump ends within a zone",
    "what the zone holds cannot be put in order",
    "dump the whole region: `kinfo verify-dt` says where the tree has it",
    f"{_CORE}: persistent_ram_save_old() copies the ring from its start",
)
RECORD = Rule(
    "pstore-record",
    Severity.ERROR,
    "a zone for records holds something else",
    "the driver clears it at the next boot, and so does nothing with it",
    "look at it with a hex editor; a kernel with other sizes may have used the memory: is the tree the device's?",
    "fs/pstore/ram.c: ramoops_pstore_read(), no valid header",
)
PACKED = Rule(
    "pstore-packed",
    Severity.ERROR,
    "a record is left as packed as it was",
    "its file has the name that the kernel gives to what it cannot unpack: .enc.z",
    "unpack it with the tool of that compression; where blocks are lost it cannot be",
    "fs/pstore/platform.c: decompress_record()",
)
KIND = Rule(
    "pstore-kind",
    Severity.INFO,
    "nothing tells whether a zone is the console's or pmsg's",
    "its file is called console-or-pmsg",
    "name the devicetree with --dtb: its node says which of them there is",
    "fs/pstore/ram.c: ramoops_probe() gives both the same signature",
)
TREE = Rule(
    "pstore-tree",
    Severity.WARNING,
    "the zones do not lie as the devicetree's node says",
    "the layout is worked out from the zones instead",
    "check that the tree is the device's, and that no module parameter or boot loader changes the sizes",
    "fs/pstore/ram.c: ramoops_probe()",
)
RULES = (LOST, ZONE, CUT, RECORD, PACKED, TREE, KIND, CORRECTED)
