"""The types of the printk ring buffer as debug information, for readers that want such: a C file that gcc makes it of."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.kernels import printk
from tests.kernels.printk import PRB

_TYPES = f"""
typedef struct {{ long counter; }} atomic_long_t;
struct prb_data_blk_lpos {{ unsigned long begin, next; }};
struct prb_desc {{ atomic_long_t state_var; struct prb_data_blk_lpos text_blk_lpos; }};
struct dev_printk_info {{ char subsystem[16]; char device[48]; }};
struct printk_info {{
    unsigned long long seq, ts_nsec;
    unsigned short text_len;
    unsigned char facility, flags:5, level:3;
    unsigned int caller_id;
    struct dev_printk_info dev_info;
}};
struct prb_desc_ring {{
    unsigned int count_bits;
    struct prb_desc *descs;
    struct printk_info *infos;
    atomic_long_t head_id, tail_id, last_finalized_seq;
}};
struct prb_data_ring {{ unsigned int size_bits; char *data; atomic_long_t head_lpos, tail_lpos; }};
struct printk_ringbuffer {{ struct prb_desc_ring desc_ring; struct prb_data_ring text_data_ring; atomic_long_t fail; }};
enum printk_info_flags {{ LOG_NEWLINE = 2, LOG_CONT = {printk.CONT} }} used_flags;
enum desc_state {{ desc_reserved, desc_committed, desc_finalized, desc_reusable }} used_state;
struct printk_ringbuffer *prb __attribute__((section(".prb")));
void _start(void) {{}}
"""


def compiled(folder: Path) -> Path:
    """An executable with the types, in which prb is where our cores have it."""
    (folder / "types.c").write_text(_TYPES)
    place = f"-Wl,--section-start=.prb={PRB:#x}"
    options = ["-g", "-static", "-nostdlib", "-fno-pic", "-no-pie", place, "-Wl,--build-id=sha1"]
    subprocess.run(["gcc", *options, "types.c", "-o", "types"], cwd=folder, check=True)
    return folder / "types"
