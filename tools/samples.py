"""The samples that come with kinfo, built by its own encoder from synthetic kernels."""

from __future__ import annotations

import tempfile
from pathlib import Path

import kinfo
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.modules import ModuleSpec
from tests.synthetic import make_fields, noise

PAGE = 4096
_NOPS = bytes.fromhex("1f2003d5") * (PAGE // 4)


def samples() -> dict[str, bytes]:
    """File name to bytes."""
    kernel = make(
        Spec(release="6.12.38-android16-5-g1d9b3c5a7e20-ab13579246", modules=[ModuleSpec("wlan"), ModuleSpec("gpu")])
    )
    return {
        "pixel-5.10.bin": _pixel(),
        "meminspect-half.bin": _half(),
        "ram-6.12.bin": _ram(),
        "crash-6.12.elf": _core(kernel),
        "crash-6.12.log": _log(kernel),
    }


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


def _core(kernel: Kernel) -> bytes:
    """The RAM of a kernel with two modules, as an ELF core of the pages that have something in them."""
    memory = bytes(kernel.memory)
    starts = range(0, len(memory), PAGE)
    holes = [(kernel.base + at, kernel.base + at + PAGE) for at in starts if memory[at : at + PAGE] in (bytes(PAGE), _NOPS)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "core"
        kernel.write_elf(path, holes=holes)
        return path.read_bytes()


def _log(kernel: Kernel) -> bytes:
    """What a boot loader prints after a watchdog reset: addresses, no names."""
    at = {one.name: one.va for one in kernel.symbols}
    module = next(one for one in kernel.module_symbols if one.module == "wlan" and one.type in "tT")
    lines = (
        "[bl31] watchdog reset, cpu 3",
        f"[bl31] elr 0x{at['sched_read'] + 0x18:016x} esr 0x96000045 far 0x0000000000000010",
        f"[bl31] lr  0x{module.va + 8:016x} sp 0x{at['init_write'] + 0x2003C0:016x}",
        "[bl31] stack:",
        f"  {at['vfs_write'] + 0x24:016x} 0000000000000040 {at['do_sys_write'] + 0x30:016x} 00000000deadbeef",
        f"[bl2]  kernel entered at PA 0x{at['_stext'] - kernel.voffset:x}",
    )
    return "".join(f"{line}\n" for line in lines).encode()
