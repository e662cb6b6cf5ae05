"""A whole kernel in physical memory: its image, tables, page tables, modules and record, and the truth about them.

>>> kernel = make(Spec(release="6.1.5", page_format="arm64-16k-47"))
>>> kernel.write_elf("core")
"""

from __future__ import annotations

from tests.kernels.arm_tables import ROOTS
from tests.kernels.kernel import Kernel, Truth
from tests.kernels.loading import load
from tests.kernels.records import make_record
from tests.kernels.sections import SEGMENT, lay_out
from tests.kernels.spec import Spec
from tests.kernels.tables import Symbol

__all__ = ["Kernel", "Spec", "Truth", "make"]

ARM64_NOP = bytes.fromhex("1f2003d5")


def make(spec: Spec | None = None) -> Kernel:
    """The kernel that the spec asks for."""
    spec = spec or Spec()
    placed, built, places = lay_out(spec)
    base, end = spec.ram
    swapper = ROOTS[spec.form.arm] if spec.form.arm else places["root"]
    record_pa = end - SEGMENT if spec.record_pa is None else spec.record_pa
    kernel = Kernel(spec, base, bytearray(end - base), places, spec.text + swapper, record_pa)
    kernel.symbols = [_truth(kernel, symbol) for symbol in placed]
    kernel.addresses = {name: kernel.pa("tables") + offset for name, offset in built.offsets.items()}
    kernel.base_va = built.base_va
    kernel.poke(kernel.pa("tables"), built.blob)
    _write_content(kernel)
    load(kernel)
    kernel.record = make_record(kernel)
    kernel.poke(kernel.record_pa, kernel.record)
    return kernel


def _truth(kernel: Kernel, symbol: Symbol) -> Truth:
    name = symbol.raw.decode("utf-8", "surrogateescape")
    if symbol.absolute:
        return Truth(name, symbol.type, symbol.offset, None)
    return Truth(name, symbol.type, kernel.text_va + symbol.offset, kernel.spec.text + symbol.offset)


def _write_content(kernel: Kernel) -> None:
    spec, places = kernel.spec, kernel.places
    kernel.poke(kernel.pa("text"), ARM64_NOP * ((places["rodata"] - places["text"]) // 4))
    kernel.poke(kernel.pa("banner"), kernel.banner + b"\0")
    machine = {"arm64": "aarch64", "x86": "x86_64", "arm": "armv7l"}[spec.arch]
    texts = ("Linux", "(none)", spec.release, "#1 SMP PREEMPT", machine, "(none)")
    name = b"".join(text.encode().ljust(65, b"\0") for text in texts)
    kernel.poke(kernel.pa("uts") + (0 if spec.version >= (5, 11) else 4), name)
