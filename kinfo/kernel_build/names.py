"""Which facts there are, what each means, and what can supply it.

Names are the kernel's own: a CONFIG_ option, a constant, a symbol (its value is then its VA), `module.MEMBER` for an offset
into struct module. `release`, `num_syms` and `relative_base` are contents, `text_pa` and `kaslr_slide` the image's place.
"""

from __future__ import annotations

from typing import NamedTuple

from kinfo.arch.address import MASK
from kinfo.errors import FieldError, did_you_mean
from kinfo.record import kernels
from kinfo.record.kernels import Span, Version

FLAG, NUMBER, ADDRESS, TEXT = "flag", "number", "address", "text"

_CONFIG = "the kernel's .config, or an image with CONFIG_IKCONFIG"
_SYMBOLS = "vmlinux, System.map, /proc/kallsyms, Image or a RAM dump"
_CONTENT = "vmlinux, Image or a RAM dump"
_TYPES = "vmlinux or Image with BTF, vmlinux with DWARF, or a RAM dump"
_RUNNING = "a RAM dump of the running kernel"
_EVER: Span = (None, None)


class Known(NamedTuple):
    """A fact that there is: its kind (flag, number, address: a VA, text), meaning, sources, and the releases that have it."""

    name: str
    kind: str
    meaning: str
    ways: str
    kernels: Span = _EVER

    @property
    def remedy(self) -> str:
        """How to give it, in a few words."""
        option = {"text_pa": "--phys-base PA"}.get(self.name, f"--set {self.name}={_EXAMPLES[self.kind]}")
        return f"{self.ways}, or {option}" if self.ways else option


_EXAMPLES = {FLAG: "0|1", NUMBER: "N", ADDRESS: "VA", TEXT: "TEXT"}
_OPTIONS: dict[str, tuple[str, Span]] = {
    "KALLSYMS_ALL": ("data symbols are in kallsyms too", _EVER),
    "KALLSYMS_BASE_RELATIVE": ("kallsyms counts from a base (the option went in 6.11)", (None, (6, 10))),
    "KALLSYMS_ABSOLUTE_PERCPU": ("per-CPU symbols are absolute (x86-64 SMP)", _EVER),
    "CFI_CLANG": ("clang's control-flow integrity, up to 6.17", (None, (6, 17))),
    "CFI": ("the same, from 6.18 on", (kernels.CFI_RENAMED, None)),
    "MODULES": ("the kernel loads modules", _EVER),
    "MODULES_TREE_LOOKUP": ("modules are found through a latched tree", _EVER),
    "RANDOMIZE_BASE": ("KASLR", _EVER),
}
_BORDERS = {
    "_text": "start of the image",
    "_stext": "start of the text",
    "_etext": "end of the text",
    "_sinittext": "start of the init text",
    "_einittext": "end of the init text",
    "_end": "end of the image",
    "swapper_pg_dir": "the kernel's page table (init_top_pgt on x86-64)",
    "init_uts_ns": "the initial UTS namespace, which holds the release",
}
_TABLES: dict[str, Span] = {
    "kallsyms_num_syms": _EVER,
    "kallsyms_offsets": _EVER,
    "kallsyms_names": _EVER,
    "kallsyms_token_table": _EVER,
    "kallsyms_token_index": _EVER,
    "kallsyms_markers": _EVER,
    "kallsyms_seqs_of_names": ((6, 2), None),
    "kallsyms_relative_base": (None, (6, 19)),
}
_NEVER: Span = ((99, 0), None)  # what only special kernels have: never named as missing

KNOWN: tuple[Known, ...] = (
    Known("arch", TEXT, "arm64 or x86-64", _SYMBOLS.replace("System.map, /proc/kallsyms", ".config")),
    Known("release", TEXT, "init_utsname()->release", _CONTENT),
    *(Known(f"CONFIG_{name}", FLAG, meaning, _CONFIG, span) for name, (meaning, span) in _OPTIONS.items()),
    Known("CONFIG_MODULE_SCMVERSION", FLAG, "modules carry their source version (Android)", _CONFIG, _NEVER),
    Known("BITS_PER_LONG", NUMBER, "bits of a long", _CONTENT),
    Known("KSYM_NAME_LEN", NUMBER, "longest symbol name, with its NUL", _CONTENT),
    Known("MODULE_NAME_LEN", NUMBER, "longest module name, with its NUL", _TYPES),
    Known("KSYM_SYMBOL_LEN", NUMBER, "longest formatted symbol", _CONTENT),
    Known("THREAD_SIZE", NUMBER, "bytes of a kernel stack", _SYMBOLS.replace("vmlinux", ".config, vmlinux")),
    *(Known(name, ADDRESS, meaning, _SYMBOLS) for name, meaning in _BORDERS.items()),
    *(Known(name, ADDRESS, f"{name}: its place", _SYMBOLS, span) for name, span in _TABLES.items()),
    Known("kallsyms_addresses", ADDRESS, "the table of plain addresses, without KALLSYMS_BASE_RELATIVE", _SYMBOLS, _NEVER),
    Known("num_syms", NUMBER, "what kallsyms_num_syms holds", "vmlinux, Image, /proc/kallsyms or a RAM dump"),
    Known("relative_base", ADDRESS, "what kallsyms_relative_base holds", _CONTENT, (None, (6, 19))),
    Known("text_pa", NUMBER, "PA that _text runs at", "a RAM dump"),
    Known("kaslr_slide", NUMBER, "how far above its link address the image runs", _RUNNING),
    Known("kimage_voffset", NUMBER, "VA minus PA of the running image", _RUNNING),
    Known("module.core_layout", NUMBER, "offset of core_layout in struct module", _TYPES, (None, (6, 3))),
    Known("module.init_layout", NUMBER, "offset of init_layout in struct module", _TYPES, (None, (6, 3))),
    Known("module.mem", NUMBER, "offset of mem in struct module", _TYPES, ((6, 4), None)),
    Known("module.kallsyms", NUMBER, "offset of kallsyms in struct module", _TYPES),
    Known("module.scmversion", NUMBER, "offset of scmversion in struct module (Android)", _TYPES, _NEVER),
    Known("module_start_va", NUMBER, "start of the range that modules are loaded into", _RUNNING, (None, (6, 5))),
    Known("module_end_va", NUMBER, "end of that range", _RUNNING, (None, (6, 5))),
    Known("module_plt_start_va", NUMBER, "start of the range for modules with PLTs", _RUNNING, _NEVER),
    Known("VA_BITS", NUMBER, "bits of a kernel VA, as configured", ".config or a RAM dump", _NEVER),
    Known("PAGE_OFFSET", NUMBER, "start of the linear map", ".config or a RAM dump", _NEVER),
    Known("PAGE_END", NUMBER, "end of the linear map", ".config or a RAM dump", _NEVER),
    Known("PHYS_OFFSET", NUMBER, "PA that the linear map begins at (signed, as 64 bits)", _RUNNING, _NEVER),
    Known("mod_tree", ADDRESS, "the tree of modules", _SYMBOLS, _NEVER),
    Known("modules", ADDRESS, "the list of modules", _SYMBOLS, _NEVER),
    Known("vendor_release", TEXT, "the release as the vendor module has it: its own commit in it", "", _NEVER),
    Known("names_total_len", NUMBER, "bytes of kallsyms_names", "", _NEVER),
    Known("suspend_diag_va", NUMBER, "VA of the vendor's suspend diagnosis", "", _NEVER),
)
BY_NAME = {known.name: known for known in KNOWN}
OPTIONS = tuple(known.name for known in KNOWN if known.name.startswith("CONFIG_"))
ADDRESSES = tuple(known.name for known in KNOWN if known.kind == ADDRESS)

# Symbols that stand for a fact of another name: aliases, and the borders of the first task's stack (its size is THREAD_SIZE).
ALIASES = {"init_top_pgt": "swapper_pg_dir", "init_level4_pgt": "swapper_pg_dir"}
STACKS = (("__start_init_stack", "__end_init_stack"), ("__start_init_task", "__end_init_task"))
SYMBOLS = frozenset(ADDRESSES) - {"relative_base"} | set(ALIASES) | {name for pair in STACKS for name in pair}


def expected(version: Version | None) -> tuple[Known, ...]:
    """The facts that every kernel of this release has (of any release where it is None)."""
    span = (version, version)
    return tuple(known for known in KNOWN if known.kernels != _NEVER and kernels.overlap(known.kernels, span))


def parse(setting: str) -> tuple[str, int | str]:
    """NAME=VALUE as the fact's kind wants it. Raises FieldError."""
    name, equals, text = setting.partition("=")
    if not equals:
        raise FieldError(f"--set {setting}: has no value", "write --set NAME=VALUE")
    if name not in BY_NAME:
        otherwise = "`kinfo facts SOURCE` names them"
        raise FieldError(f"--set {setting}: there is no fact {name!r}", did_you_mean(name, BY_NAME, otherwise))
    return name, _value(name, BY_NAME[name].kind, text.strip())


def _value(name: str, kind: str, text: str) -> int | str:
    if kind == TEXT:
        if not text or not text.isascii() or not text.isprintable() or len(text) > 64:
            raise FieldError(f"--set {name}={text[:70]}: is no name", "write up to 64 printable characters")
        return text
    words = {"y": 1, "n": 0} if kind == FLAG else {}
    try:
        number = words[text] if text in words else int(text, 0)
    except ValueError:
        raise FieldError(f"--set {name}={text[:70]}: is no number", "write 4096 or 0x1000, say") from None
    most = 1 if kind == FLAG else MASK
    if not 0 <= number <= most:
        raise FieldError(f"--set {name}={text[:70]}: is out of range", f"it takes 0 to {most:#x}")
    return number
