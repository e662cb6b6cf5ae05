"""The samples that come with kinfo, built by its own encoder from synthetic kernels."""

from __future__ import annotations

import kinfo
from tests.synthetic import make_fields, noise

PAGE = 4096


def samples() -> dict[str, bytes]:
    """File name to bytes."""
    return {"pixel-5.10.bin": _pixel(), "meminspect-half.bin": _half(), "ram-6.12.bin": _ram()}


def _pixel() -> bytes:
    """A Pixel's region: the kernel's record in the first half, the vendor block in the second."""
    fields = make_fields("A2", 3) | {"last_uts_release": "5.10.107-android13-4-00020-g5a3a4f5b6c7d-ab8456789"}
    fields |= {"name_len": 128, "symbol_len": 239} | _old_tables(fields)
    record = kinfo.encode(fields, "A2").ljust(PAGE // 2, b"\0")
    return record + kinfo.encode({"uts_release": fields["last_uts_release"]}, "V1").ljust(PAGE // 2, b"\0")


def _old_tables(fields: dict[str, int]) -> dict[str, int]:
    """The tables' places in a kernel without seqs_of_names."""
    seqs = -(-3 * fields["num_syms"] // 8) * 8
    return {name: fields[name] - seqs for name in ("_token_table_pa", "_token_index_pa")}


def _half() -> bytes:
    """A meminspect v1 record between two registrations."""
    fields = make_fields("C", 5) | {"enabled_cfi_clang": 0, "build_info": ""}
    for name in ("_names_pa", "_token_table_pa", "_token_index_pa", "_markers_pa", "_seqs_of_names_pa"):
        fields[name] = 0
    fields |= {"swapper_pg_dir_pa": 0, "last_uts_release": ""}
    return kinfo.encode(fields, "C").ljust(PAGE, b"\0")


def _ram() -> bytes:
    """Sixteen pages of RAM: a magic with noise behind it, and an Android 16 record with one bit flipped."""
    dump = bytearray(noise(PAGE, 1) * 16)
    dump[3 * PAGE : 3 * PAGE + 4] = (0xCCEEDDFF).to_bytes(4, "little")
    record = bytearray(kinfo.encode(make_fields("C", 7), "C"))
    record[kinfo.layout("C").by_name["_token_index_pa"].offset + 2] ^= 0x40
    dump[9 * PAGE : 9 * PAGE + len(record)] = record
    return bytes(dump)
