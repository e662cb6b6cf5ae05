"""The log of a kernel that a record, or VMCOREINFO, led to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial

from kinfo.errors import DumpError, HoleError, KernelError
from kinfo.kernel import variables
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.printk.layout import RingLayout, of_numbers
from kinfo.kernel.printk.message import PrintkLog
from kinfo.kernel.printk.reach import Translated, runs_of_pages
from kinfo.kernel.printk.read import read
from kinfo.kernel.printk.where import Where
from kinfo.record.kernels import parse_release

_PAGE = 4096
_MEMBERS = {
    "printk_ringbuffer": ("desc_ring", "text_data_ring"),
    "prb_desc_ring": ("count_bits", "descs", "infos", "head_id", "tail_id"),
    "prb_desc": ("state_var", "text_blk_lpos"),
    "prb_data_blk_lpos": ("begin", "next"),
    "prb_data_ring": ("size_bits", "data"),
    "printk_info": ("seq", "ts_nsec", "text_len", "caller_id", "dev_info"),
    "dev_printk_info": ("subsystem", "device"),
}


def log_of(kernel: Kernel) -> PrintkLog:
    """The log. Raises KernelError where no VA can be had, nothing says where the log is, or nothing of it is in the dump."""
    return read(where_of(kernel))


def where_of(kernel: Kernel) -> Where:
    """What leads to the log of a kernel. Raises KernelError where no VA can be had."""
    if kernel.space is None:
        raise kernel.no_space
    pa_of = cache(partial(variables.pa_of, kernel))  # a search by name each
    values = _values(kernel, pa_of)
    release = _release(kernel, values)
    parsed = parse_release(release)
    return Where(
        reach=Translated(kernel.memory, partial(runs_of_pages, partial(_pa_of, kernel)), kernel.pointers.word),
        address=partial(_address, kernel, values, pa_of),
        values=values,
        source=f"the variables of the kernel in {kernel.memory.name}",
        release=release,
        version=parsed.version if parsed else kernel.pointers.version,
        layouts=partial(_by_types, kernel),
    )


def _release(kernel: Kernel, values: Mapping[str, str]) -> str:
    if stated := values.get("OSRELEASE"):
        return stated
    from kinfo.kernel.boot.banner import release

    return release(kernel)[0]


def _values(kernel: Kernel, pa_of: Callable[[str], int | None]) -> Mapping[str, str]:
    """VMCOREINFO. Where kallsyms says where the log is, the kernel's own copy is enough, as it stands.

    Offsets are all that it is asked for then, and the ring itself shows whether they hold. (A kernel whose kallsyms lists the
    log and no VMCOREINFO has none: memory need not be searched for one.)
    """
    is_listed = pa_of("prb") is not None or pa_of("log_first_idx") is not None
    if is_listed and (pointer := variables.number(kernel, "vmcoreinfo_data")):
        from kinfo.memory.vmcoreinfo import parse

        return parse(variables.bytes_at(kernel, pointer, _PAGE))
    if is_listed and not kernel.memory.vmcoreinfo:
        return {}
    from kinfo.kernel.boot.vmcoreinfo import vmcoreinfo

    return vmcoreinfo(kernel)


def _by_types(kernel: Kernel) -> Iterator[RingLayout]:
    """The layout by the kernel's own types (BTF), where it carries them."""
    try:
        known = {
            f"OFFSET({struct}.{member})": kernel.types.struct(struct).member(member).offset
            for struct, members in _MEMBERS.items()
            for member in members
        }
        known |= {
            f"SIZE({name})": kernel.types.struct(name).size for name in ("printk_ringbuffer", "prb_desc", "printk_info")
        }
        device = kernel.types.struct("dev_printk_info")
        known |= {f"LENGTH(printk_info_{one})": device.member(one).size for one in _MEMBERS["dev_printk_info"]}
    except (DumpError, KernelError):
        return
    found = of_numbers(kernel.types.source, kernel.pointers.word, known)
    if found is not None:
        yield found


def _address(kernel: Kernel, values: Mapping[str, str], pa_of: Callable[[str], int | None], name: str) -> int | None:
    """A variable's VA: by kallsyms, else by VMCOREINFO."""
    pa = pa_of(name)
    if pa is not None and kernel.space is not None:
        return kernel.space.va(pa)
    try:
        return int(values[f"SYMBOL({name})"], 16)
    except (KeyError, ValueError):
        return None


def _pa_of(kernel: Kernel, va: int) -> tuple[int | None, int]:
    """The PA of a VA, and how many bytes from there on lie in one piece.

    The image by its distance, everything else by the page tables; by the linear map's distance where these are not in the
    dump, which on 32-bit kernels is the image's.
    """
    space = kernel.space
    assert space is not None
    try:
        found = space.piece(va)
    except HoleError:
        found = None
    if found:
        return found
    if kernel.word == 4:
        return space.image_pa(va), _PAGE - va % _PAGE
    from kinfo.kernel.boot.linear_map import linear_map

    shift = linear_map(kernel).shift
    return (None if shift is None else va - shift & space.mask), _PAGE - va % _PAGE
