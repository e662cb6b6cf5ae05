"""Where the members of the log's structs lie: as VMCOREINFO says, else as releases are known to have them.

kernel/printk/printk_ringbuffer.h and log_buf_vmcoreinfo_setup() in kernel/printk/printk.c, 5.10 on. Facility, flags and level
have no line in VMCOREINFO: they are the two bytes between text_len and caller_id in every release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from struct import Struct, calcsize

from kinfo.named import NamedTuple

_LARGEST = 4096  # no struct of the log is near that
_OWN = tuple(f"{what}({struct}" for what in ("SIZE", "OFFSET", "LENGTH") for struct in ("printk_", "prb_", "dev_printk_"))
VMCOREINFO = "VMCOREINFO"
Members = tuple[tuple[int, str], ...]  # offset and struct code of each


class RingLayout(NamedTuple):
    """Where everything of a ring buffer lies; `source` says who says so.

    `size` is that of struct printk_ringbuffer; `count_bits` to `text` are offsets in it, `text` of the pointer to the text.
    `desc` unpacks state_var, begin and next; `info` seq, ts_nsec, text_len, facility, flags and level, caller_id, subsystem,
    device, and what lies between caller_id and them. `desc_at` says where the first three lie, `info_at` where seq, ts_nsec,
    text_len, caller_id, what is behind it, subsystem and device do.
    """

    source: str
    word: int
    size: int
    count_bits: int
    descs: int
    infos: int
    head: int
    tail: int
    size_bits: int
    text: int
    desc: Struct
    info: Struct
    desc_at: tuple[int, ...]
    info_at: tuple[int, ...]


def stated(values: Mapping[str, str]) -> RingLayout | None:
    """The layout that VMCOREINFO states; None where it does not, or states what cannot be."""
    try:
        word = int(values["SIZE(atomic_long_t)"])
        known = {key: int(text) for key, text in values.items() if key.startswith(_OWN)}
        return _of_numbers(VMCOREINFO, word, known) if word in (4, 8) else None
    except (KeyError, ValueError):
        return None


def of_numbers(source: str, word: int, known: Mapping[str, int]) -> RingLayout | None:
    """The layout out of numbers under VMCOREINFO's keys, whoever states them; None where one is missing or cannot be."""
    try:
        return _of_numbers(source, word, known)
    except KeyError:
        return None


def _of_numbers(source: str, word: int, known: Mapping[str, int]) -> RingLayout | None:
    if not all(0 <= number <= _LARGEST for number in known.values()):
        return None
    members = _desc(word, known), _info(known)
    desc, info = _packed(members[0], known["SIZE(prb_desc)"]), _packed(members[1], known["SIZE(printk_info)"])
    if desc is None or info is None:
        return None
    desc_at = tuple(offset for offset, _ in members[0])
    info_at = tuple(members[1][index][0] for index in (0, 1, 2, 5, 6, 7, 8))
    ring, text = (known[f"OFFSET(printk_ringbuffer.{one})"] for one in ("desc_ring", "text_data_ring"))
    names = ("count_bits", "descs", "infos", "head_id", "tail_id")
    count_bits, *pointers = (ring + known[f"OFFSET(prb_desc_ring.{one})"] for one in names)
    size_bits, data = (text + known[f"OFFSET(prb_data_ring.{one})"] for one in ("size_bits", "data"))
    size = known["SIZE(printk_ringbuffer)"]
    if max(*pointers, data) > size - word or max(count_bits, size_bits) > size - 4:
        return None
    descs, infos, head, tail = pointers
    return RingLayout(source, word, size, count_bits, descs, infos, head, tail, size_bits, data, desc, info, desc_at, info_at)


def _desc(word: int, known: Mapping[str, int]) -> Members:
    """Struct prb_desc: state_var, and the two ends of its block."""
    block = known["OFFSET(prb_desc.text_blk_lpos)"]
    begin, behind = (block + known[f"OFFSET(prb_data_blk_lpos.{one})"] for one in ("begin", "next"))
    code = "Q" if word == 8 else "I"
    return ((known["OFFSET(prb_desc.state_var)"], code), (begin, code), (behind, code))


def _info(known: Mapping[str, int]) -> Members:
    """Struct printk_info; see `RingLayout.info`."""
    caller, device = known["OFFSET(printk_info.caller_id)"], known["OFFSET(printk_info.dev_info)"]
    return (
        (known["OFFSET(printk_info.seq)"], "Q"),
        (known["OFFSET(printk_info.ts_nsec)"], "Q"),
        (known["OFFSET(printk_info.text_len)"], "H"),
        (caller - 2, "B"),
        (caller - 1, "B"),
        (caller, "I"),
        (caller + 4, f"{max(device - caller - 4, 0)}s"),
        (device + known["OFFSET(dev_printk_info.subsystem)"], f"{known['LENGTH(printk_info_subsystem)']}s"),
        (device + known["OFFSET(dev_printk_info.device)"], f"{known['LENGTH(printk_info_device)']}s"),
    )


def _packed(members: Members, size: int) -> Struct | None:
    """A struct of members at offsets, in that order, with gaps between them; None where they overlap or reach too far."""
    form, end = "<", 0
    for offset, code in members:
        if offset < end:
            return None
        form += f"{offset - end}x{code}"
        end = offset + calcsize(f"<{code}")
    return Struct(f"{form}{size - end}x") if end <= size else None


def known(word: int) -> Iterator[RingLayout]:
    """The layouts that releases are known to have, without VMCOREINFO: which of them it is shows in the ring itself.

    5.10 to 6.8; 6.9 on with last_finalized_seq (u64 on 64-bit kernels, in a long); 7.0 on with CONFIG_PRINTK_EXECUTION_CTX,
    which put caller_id2 and comm[16] before dev_info.
    """
    for since, extra in (("5.10", 0), ("6.9", word)):
        for context, gap in (("", 0), (" with PRINTK_EXECUTION_CTX", 20)):
            if gap and not extra:
                continue
            if found := of_numbers(f"the layout of {since}{context}", word, numbers(word, extra, gap)):
                yield found


def numbers(word: int, extra: int, gap: int) -> dict[str, int]:
    """What VMCOREINFO would say: `extra` bytes at the end of prb_desc_ring, `gap` bytes before dev_info."""
    text = 5 * word + extra
    device = 24 + gap
    return {
        "SIZE(printk_ringbuffer)": text + 5 * word,
        "OFFSET(printk_ringbuffer.desc_ring)": 0,
        "OFFSET(printk_ringbuffer.text_data_ring)": text,
        "OFFSET(prb_desc_ring.count_bits)": 0,
        "OFFSET(prb_desc_ring.descs)": word,
        "OFFSET(prb_desc_ring.infos)": 2 * word,
        "OFFSET(prb_desc_ring.head_id)": 3 * word,
        "OFFSET(prb_desc_ring.tail_id)": 4 * word,
        "SIZE(prb_desc)": 3 * word,
        "OFFSET(prb_desc.state_var)": 0,
        "OFFSET(prb_desc.text_blk_lpos)": word,
        "OFFSET(prb_data_blk_lpos.begin)": 0,
        "OFFSET(prb_data_blk_lpos.next)": word,
        "SIZE(printk_info)": device + 64 + -(device + 64) % 8,
        "OFFSET(printk_info.seq)": 0,
        "OFFSET(printk_info.ts_nsec)": 8,
        "OFFSET(printk_info.text_len)": 16,
        "OFFSET(printk_info.caller_id)": 20,
        "OFFSET(printk_info.dev_info)": device,
        "OFFSET(dev_printk_info.subsystem)": 0,
        "LENGTH(printk_info_subsystem)": 16,
        "OFFSET(dev_printk_info.device)": 16,
        "LENGTH(printk_info_device)": 48,
        "OFFSET(prb_data_ring.size_bits)": 0,
        "OFFSET(prb_data_ring.data)": word,
        "OFFSET(prb_data_ring.head_lpos)": 2 * word,
        "OFFSET(prb_data_ring.tail_lpos)": 3 * word,
    }
