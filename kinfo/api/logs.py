"""Names, and the lines of source behind them, in a kernel's log: by the memory, or by the build's vmlinux alone."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kinfo.errors import KinfoError
from kinfo.named import NamedTuple
from kinfo.printable import brief

if TYPE_CHECKING:
    from kinfo.kernel.kernel import Kernel
    from kinfo.kernel.log import Statement
    from kinfo.kernel_build.source_lines import SourceLines

Path = str | os.PathLike[str]


class Symbolized(NamedTuple):
    """A log with names: its bytes, and what of it contradicts the dump.

    `left` is how many addresses of other boots were left as they are, `notes` what else to know of it, in words: modules
    whose file is not there, a vmlinux without lines; without a dump the boots that contradict the vmlinux, and those whose
    Kernel Offset nothing states.
    """

    text: bytes
    contradictions: tuple[Statement, ...]
    left: int
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return brief(
            self, f"{len(self.text):,} bytes of log, {len(self.contradictions)} contradictions, {self.left} addresses left"
        )


def symbolize(
    ram: Kernel | Path | Sequence[Path] | None,
    log: bytes | Path,
    *,
    force: bool = False,
    kinfo: Path | int | None = None,
    vmlinux: Path | None = None,
    modules: Path | None = None,
    slide: int | None = None,
) -> Symbolized:
    """A log (its bytes, or a file of them) with a name behind every raw address of the kernel.

    `vmlinux`, with debug information, puts file and line behind every name, those that the kernel printed too, and what was
    inlined there; `modules` is the folder of the modules' .ko files, for lines of theirs. With it `ram` may be None: names
    are then the vmlinux's own, at the slide that each boot of the log states ("Kernel Offset:"), or at `slide` in bytes.

    Lines of a boot that is not the dump's, or contradicts the vmlinux, stay as they are, unless `force`. Raises KinfoError
    for a vmlinux of another build than the dump's, where neither llvm-symbolizer nor addr2line is installed, and for
    arguments that do not go together; OSError for an unreadable log.
    """
    _check(ram, vmlinux, modules, slide)
    if isinstance(log, bytes):
        text = log
    else:
        with open(log, "rb") as file:
            text = file.read()
    if ram is None:
        assert vmlinux is not None
        with _lines(vmlinux, modules) as lines:
            assert lines
            return _by_build(text, lines, slide, force=force)
    from kinfo.api.kernels import opened
    from kinfo.kernel.log import Log

    heard: list[Statement] = []
    with opened(ram, kinfo) as kernel, _lines(vmlinux, modules, kernel) as lines:
        names = Log(kernel, heard.append, is_forced=force, lines=lines.text if lines else None)
        names.survey(io.BytesIO(text).read)
        named = b"".join(names.named(io.BytesIO(text).read))
        return Symbolized(named, tuple(heard), names.left, _notes(lines))


def _check(ram: object, vmlinux: Path | None, modules: Path | None, slide: int | None) -> None:
    if modules is not None and vmlinux is None:
        raise KinfoError("modules are for the lines of source", "give vmlinux as well")
    if ram is None and vmlinux is None:
        raise KinfoError("there is neither a memory nor a vmlinux to name the log by", "give ram, or vmlinux")
    if ram is not None and slide is not None:
        raise KinfoError("a memory says itself by how much the image was moved", "leave slide out, or ram")


@contextmanager
def _lines(vmlinux: Path | None, modules: Path | None, kernel: Kernel | None = None) -> Iterator[SourceLines | None]:
    """What puts source lines behind names, if there is a vmlinux: one of another build than the kernel's is refused."""
    if vmlinux is None:
        yield None
        return
    from kinfo.kernel_build.source_lines import source_lines

    path = os.fspath(vmlinux)
    if kernel is not None:
        from kinfo.debuggers.vmlinux import check

        check(kernel, path)
    with source_lines(path, None if modules is None else os.fspath(modules)) as lines:
        yield lines


def _by_build(text: bytes, lines: SourceLines, slide: int | None, *, force: bool) -> Symbolized:
    """Named by the vmlinux's own symbols, each boot by its own slide."""
    from kinfo.kernel_build.build_log import BuildLog

    names = BuildLog(lines.symbols, slide, is_forced=force, lines=lines.text)
    names.survey(io.BytesIO(text).read)
    named = b"".join(names.named(io.BytesIO(text).read))
    problems = [problem for boot in names.boots for problem in boot.problems]
    unplaced = [boot.line for boot in names.boots if boot.slide is None and not boot.problems]
    nowhere = [f"the boot from line {line} on states no Kernel Offset: its raw addresses have no names" for line in unplaced]
    return Symbolized(named, (), 0, (*problems, *nowhere, *_notes(lines)))


def _notes(lines: SourceLines | None) -> tuple[str, ...]:
    """What could not be had of the lines."""
    if lines is None:
        return ()
    none = f"{lines.path}: has no line for any of {lines.asked} names: has it debug information?"
    return (*lines.notes, *((none,) if lines.asked and not lines.count else ()))
