"""From what a user names to a kernel's configuration: RAM, an image, region files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from kinfo import notices
from kinfo.errors import DrawError, DumpError, HoleError, KernelError, RecordError
from kinfo.kernel.boot import config
from kinfo.kernel.open import kernel_in, record_word
from kinfo.memory import Dump, Memory
from kinfo.named import NamedTuple
from kinfo.sources import Opened, RawDump, open_all
from kinfo.sources.memory import close_all, joined
from kinfo.sources.specs import paths_of
from kinfo.typed import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from kinfo.kernel.beside import Beside

Path = str | os.PathLike[str]
_NO_CONFIG = "the kernel needs CONFIG_IKCONFIG=y; /boot/config-RELEASE of its system may have it"


class Config(NamedTuple):
    """A configuration as text (bytes that are no UTF-8 as surrogate escapes), and in words where it was."""

    text: str
    source: str


def kernel_config(
    specs: Path | Sequence[Path],
    kinfo: Path | int | None = None,
    stdin: BinaryIO | None = None,
    *,
    beside: Beside | None = None,
) -> Config:
    """The configuration that a kernel carries.

    `specs` are files as for `open_kernel`, a kernel image, or region files of meminspect (or their folder). Raises KinfoError
    where there is none or a damaged one, DrawError where there are several and nothing tells which is meant.
    """
    paths = paths_of(specs)
    if len(paths) == 1 and os.path.isdir(paths[0]):
        return _of_folder(paths[0])
    files = open_all(paths, stdin)
    try:
        opened = _memory(files)
        if isinstance(opened, Dump):
            return _only(opened)
        of_kernel = _of_kernel(opened, record_word(kinfo), beside)
        return of_kernel or _only(opened.as_dump if isinstance(opened, Memory) else opened.dump)
    finally:
        close_all(files)


def _memory(files: Sequence[Opened]) -> Memory | RawDump | Dump:
    """What was named as a memory; the bytes of one file that is none, as an ELF file that is no core."""
    try:
        return joined(files)
    except DumpError:
        if len(files) > 1:
            raise
        return files[0].content


def _of_folder(folder: str) -> Config:
    """The one configuration of a folder's region files."""
    names = sorted(name for name in os.listdir(folder) if name.lower().startswith("md_kconfig"))
    if not names:
        raise KernelError(f"{folder}: has no md_Kconfig*.BIN", "the kernel needs CONFIG_IKCONFIG; copy all md_K*.BIN files")
    found = [kernel_config([os.path.join(folder, name)]) for name in names]
    if any(one.text != found[0].text for one in found):
        raise DrawError(f"{folder}: has configurations that differ: {', '.join(names)}", "name one of these files")
    return found[0]


def _of_kernel(opened: Memory | RawDump, kinfo: str | None, beside: Beside | None) -> Config | None:
    """The configuration of the kernel that ran; None where no kernel is found, or it carries none.

    Raises DrawError where several kernels may have run.
    """
    try:
        kernel = kernel_in(opened, kinfo, beside)
    except DrawError:
        raise
    except (RecordError, KernelError, HoleError):
        if kinfo is not None or beside is not None:
            raise
        return None
    text = config.text(kernel)
    if not text:
        raise KernelError(f"{kernel.memory.name}: the kernel in it carries no configuration", _NO_CONFIG)
    return Config(text, f"the configuration of the kernel in {kernel.memory.name}")


def _only(dump: Dump) -> Config:
    """The one configuration that is anywhere in a dump."""
    found: dict[str, int] = {}
    errors: list[KernelError] = []
    for at in _marks(dump):
        try:
            found.setdefault(config.unpacked(dump.read(at, config.PACKED), dump.name), at)
        except KernelError as error:
            errors.append(error)
    if found and errors:
        notices.tell(f"{len(errors)} more in it are left out: {errors[0].message}")
    if len(found) > 1:
        told = ", ".join(f"{_title(text)} at {_place(dump, at)}" for text, at in found.items())
        raise DrawError(f"{dump.name}: has {len(found)} configurations: {told}", "name the record of one kernel with --kinfo")
    if not found:
        raise errors[0] if errors else KernelError(f"{dump.name}: has no configuration in it", _NO_CONFIG)
    text, at = next(iter(found.items()))
    return Config(text, f"the configuration in {dump.name} at {_place(dump, at)}: {_title(text)}")


def _place(dump: Dump, at: int) -> str:
    return f"{at:#x}" if dump.base is None else f"PA {at:#x}"


def _title(text: str) -> str:
    """The release, by the file's first lines."""
    line = next((line for line in text.split("\n")[:8] if " Kernel Configuration" in line), "of no release")
    return line.removeprefix("# ").removesuffix(" Kernel Configuration")


def _marks(dump: Dump) -> Iterator[int]:
    """Where packed configurations may begin. Raises KernelError where these are more than any memory has."""
    for count, at in enumerate(_each_mark(dump)):
        if count == config.MOST:
            what = f"{dump.name}: more than {config.MOST} places in it are marked as a configuration"
            raise KernelError(what, "name the kernel's image alone, or RAM with the record of its kernel (--kinfo)")
        yield at


def _each_mark(dump: Dump) -> Iterator[int]:
    end, tail = -1, b""
    for start, window in dump.windows():
        if start != end:
            tail = b""
        head = tail + bytes(window[: config.MARK - 1])  # a mark that lies across two windows is whole in this alone
        yield from (start - len(tail) + at for at in config.marks(head))
        yield from (start + at for at in config.marks(window))
        end, tail = start + len(window), (tail + bytes(window[1 - config.MARK :]))[1 - config.MARK :]
