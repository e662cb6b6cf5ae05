"""Synthetic kernels: the fields that a real one would leave in a record of each layout, laid out by its own rules.

Written from the format's facts, not from kinfo's checks: table sizes, orders and offsets are worked out again here.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from kinfo.record.structs import STRUCTS

PAGE = 4096
# What a writer may leave 0; every other field of a layout has a value here. (The magic and the sum are the encoder's.)
_LEFT_ZERO = {
    "magic_number",
    "combined_checksum",
    "_addresses_pa",
    "_addresses_va",
    "_relative_pa",
    "_reserved",
    "reserved_data",
}

RELEASES = {
    "Z0": "4.19.{minor}-g{commit}-ab{build}",
    "A0": "5.10.{minor}-android12-9-g{commit}-ab{build}",
    "A1": "5.10.{minor}-android12-9-g{commit}-ab{build}",
    "A1n": "4.14.{minor}-g{commit}",
    "A2": "6.1.{minor}-android14-11-g{commit}-ab{build}",
    "A3": "5.13.{minor}-mainline-g{commit}-ab{build}",
    "A4": "5.15.{minor}-mainline-g{commit}-ab{build}",
    "A5": "6.5.{minor}-mainline-g{commit}-ab{build}",
    "A6": "6.6.{minor}-android15-8-g{commit}-ab{build}",
    "A6v2": "6.6.{minor}-android15-8-g{commit}-ab{build}",
    "B": "6.8.{minor}-mainline-g{commit}-ab{build}",
    "C": "6.12.{minor}-android16-5-g{commit}-ab{build}",
    "CR": "6.19.{minor}-android17-0-g{commit}-ab{build}",
    "D": "7.1.{minor}-rc2-next-20260707-g{commit}",
}
MAIN = tuple(RELEASES)
VENDOR = ("V1", "V2", "V3", "V3s", "V3l", "V4")


@dataclass(frozen=True)
class Kernel:
    """A kernel image in physical memory: what a writer takes its fields from."""

    release: str
    version: tuple[int, int]
    text: int
    symbols: int
    kimage_voffset: int
    borders: dict[str, int]
    tables: dict[str, int]
    swapper: int


def make_kernel(alias: str, rng: random.Random) -> Kernel:
    """A kernel that writes this layout."""
    if alias not in (*MAIN, *VENDOR):
        raise LookupError(
            f"layout {alias} has no fields: add it to tests/synthetic.py (RELEASES, and what it has beyond them)"
        )
    template = RELEASES.get(alias, RELEASES["A2"])  # a vendor block is beside A2
    commit, build = f"{rng.getrandbits(48):012x}", str(rng.randrange(10**7, 10**8))
    release = template.format(minor=rng.randrange(200), commit=commit, build=build)
    major, minor = release.split(".")[:2]
    version = (int(major), int(minor))
    text = 0x80000000 + rng.randrange(512) * 0x200000 + rng.choice((0, 0x10000, 0x80000))
    symbols = rng.randrange(20_000, 230_000)
    stext = text + 0x10000
    etext = stext + rng.randrange(0x60, 0x180) * 0x10000
    tables, end_of_tables = _tables(version, etext + rng.randrange(0x200000, 0x400000, 8), symbols, rng)
    swapper = -(-end_of_tables // 0x10000) * 0x10000 + 0x3000
    sinittext = swapper + 0xD000 + rng.choice((0, 8, 0x58))
    einittext = sinittext + rng.randrange(0x80000, 0xC0000, 4)
    end = -(-einittext // 0x10000) * 0x10000 + rng.randrange(0x40, 0xA0) * 0x10000
    borders = {"text": text, "stext": stext, "etext": etext, "sinittext": sinittext, "einittext": einittext, "end": end}
    voffset = 0xFFFFFFC000000000 + rng.randrange(1 << 14) * 0x200000
    return Kernel(release, version, text, symbols, voffset, borders, tables, swapper)


def _tables(version: tuple[int, int], at: int, symbols: int, rng: random.Random) -> tuple[dict[str, int], int]:
    """Addresses of the kallsyms tables, in the order and with the gaps of that kernel."""
    names_size, tokens = symbols * 11 + rng.randrange(999), rng.randrange(880, 1024)
    marker = 8 if version < (4, 20) else 4
    sizes = {"offsets": 4 * symbols, "base": 8, "num_syms": 8, "names": names_size}
    sizes |= {"markers": marker * ((symbols + 255) // 256), "seqs_of_names": 3 * symbols}
    sizes |= {"token_table": tokens, "token_index": 512}
    if version >= (7, 0):
        order = ["num_syms", "names", "markers", "token_table", "token_index", "offsets", "seqs_of_names"]
    elif version >= (6, 4):
        order = ["num_syms", "names", "markers", "token_table", "token_index", "offsets", "base", "seqs_of_names"]
    else:
        order = ["offsets", "base", "num_syms", "names", "markers", "seqs_of_names", "token_table", "token_index"]
    if version < (6, 1):
        order.remove("seqs_of_names")
    align = 4 if version >= (7, 0) else 8
    places: dict[str, int] = {}
    for name in order:
        places[name] = at
        at += -(-sizes[name] // align) * align
    return places, at


def make_fields(alias: str, seed: int) -> dict[str, Any]:
    """The fields of a complete record of this layout, as its writer would fill them.

    Raises LookupError for a layout that this file does not know, or not all of.
    """
    fields = _made(alias, seed)
    if alias not in STRUCTS:
        raise LookupError(f"layout {alias} has no struct: add it to STRUCTS of record/structs.py")
    names = {field.name for field in STRUCTS[alias].subcons}
    wrong = [*(f"no {name} in its struct" for name in fields if name not in names)]
    wrong += [f"no value for {name}" for name in sorted(names - set(fields) - _LEFT_ZERO)]
    if wrong:
        raise LookupError(f"layout {alias} has {', '.join(wrong)}: say so where tests/synthetic.py asks for aliases")
    return fields


def _made(alias: str, seed: int) -> dict[str, Any]:
    rng = random.Random(f"{alias} {seed}")
    kernel = make_kernel(alias, rng)
    if alias in VENDOR:
        return _vendor_fields(alias, kernel, rng)
    fields: dict[str, Any] = {"thread_size": 0x4000} | _head(kernel, rng) | _pointers(alias, kernel)
    fields["last_uts_release"] = kernel.release
    if alias not in ("Z0", "D"):
        device = rng.choice(("oriole", "husky", "komodo", "mustang"))
        fields["build_info"] = f"google/{device}/{device}:15/AP4A.{seed % 10**6:06}.001/1{seed % 10**7:07}:user/release-keys"
    return fields | _tail(alias, kernel, rng)


def _head(kernel: Kernel, rng: random.Random) -> dict[str, int]:
    has_long_names = kernel.version >= (6, 1)
    symbol_len = 666 if has_long_names else 282 if kernel.version >= (5, 15) else 239
    return {
        "enabled_all": 1,
        "enabled_base_relative": int(kernel.version < (6, 11)),
        "enabled_absolute_percpu": 0,
        "enabled_cfi_clang": rng.randrange(2),
        "num_syms": kernel.symbols,
        "name_len": 512 if has_long_names else 128,
        "bit_per_long": 64,
        "module_name_len": 56,
        "symbol_len": symbol_len,
    }


def _pointers(alias: str, kernel: Kernel) -> dict[str, int]:
    places = {**kernel.borders, **kernel.tables, "relative": kernel.text}
    names = ["stext", "etext", "sinittext", "einittext", "end", "offsets", "names", "token_table", "token_index", "markers"]
    if alias == "Z0":
        shifted = {f"_{name}_va": places[name] + kernel.kimage_voffset for name in [*names, "relative"]}
        space = {"va_bits": 39, "page_offset": 0xFFFFFFC000000000, "phys_offset": 0x80000000}
        return shifted | space | {"_addresses_va": 0, "kimage_voffset": kernel.kimage_voffset}
    fields = {f"_{name}_pa": places[name] for name in names} | {"swapper_pg_dir_pa": kernel.swapper}
    if alias in ("C", "CR", "D"):
        fields["_text_pa"] = kernel.text
    if alias not in ("CR", "D"):
        fields["_relative_pa"] = kernel.text
    if alias in ("A6v2", "B", "C", "CR", "D"):
        fields["_seqs_of_names_pa"] = places["seqs_of_names"]
    return fields


def _tail(alias: str, kernel: Kernel, rng: random.Random) -> dict[str, Any]:
    if alias in ("Z0", "A0"):
        return {}
    lookup = 0 if alias == "A1n" else rng.randrange(2)
    fields: dict[str, Any] = {"enabled_modules_tree_lookup": lookup}
    if alias in ("A1", "A2", "A3", "A4"):
        fields |= {"mod_core_layout_offset": 0x180, "mod_init_layout_offset": 0x1D0, "mod_kallsyms_offset": 0x270}
    if alias in ("A6", "A6v2", "B", "C", "CR", "D"):
        fields |= {"mod_mem_offset": 0x140, "mod_kallsyms_offset": 0x388 if lookup else 0x200}
    if alias in ("A2", "A3", "A4", "A5"):
        start = kernel.kimage_voffset + kernel.text - 0x8000000
        fields |= {"module_start_va": start, "module_end_va": start + 0x8000000}
    if alias == "A5":
        fields |= {"mod_kallsyms_offset": 0x388, "module_plt_start_va": start - 0x40000000}
    if alias in ("A3", "A4"):
        fields |= {"enabled_module_scmversion": 1, "mod_scmversion_offset": 0xE8}
    return fields | (_va_space(kernel) if alias == "A4" else {})


def _va_space(kernel: Kernel) -> dict[str, int]:
    return {
        "va_bits": 39,
        "page_offset": 0xFFFFFF8000000000,
        "page_end": 0xFFFFFFC000000000,
        "phys_offset": 0x80000000,
        "kimage_voffset": kernel.kimage_voffset,
    }


def _vendor_fields(alias: str, kernel: Kernel, rng: random.Random) -> dict[str, Any]:
    fields: dict[str, Any] = {"uts_release": kernel.release}
    if alias == "V2":
        fields["mod_root_pa"] = kernel.borders["end"] - rng.randrange(8, 0x40000, 8)
    if alias in ("V3", "V3s", "V3l", "V4"):
        fields["names_total_len"] = kernel.symbols * 11
    if alias in ("V3s", "V3l", "V4"):
        fields["suspend_diag_va"] = 0xFFFFFFC009000000 + rng.randrange(0, 1 << 24, 8)
    if alias in ("V3l", "V4"):
        fields |= _va_space(kernel)
    if alias == "V4":
        fields["dss_freq_name"] = [*("lit", "mid", "big", "mif", "int", "cam", "disp"), *[""] * 25]
        fields["dss_freq_size"] = 7
    return fields


def noise(size: int, seed: int) -> bytes:
    """Bytes that a region held before."""
    return random.Random(seed).randbytes(size)


def wrap(record: bytes, how: str, seed: int = 0) -> tuple[bytes, int]:
    """The record alone, in a zeroed region, in a region of noise, or inside a larger dump; and its offset there."""
    if how == "alone":
        return record, 0
    if how == "zero":
        return record.ljust(PAGE, b"\0"), 0
    if how == "noise":
        return record + noise(PAGE - len(record), seed), 0
    offset = 5 * PAGE if how == "embedded" else 5 * PAGE + 0x2A4
    dump = bytearray(noise(16 * PAGE, seed))
    dump[offset : offset + len(record)] = record
    return bytes(dump), offset
