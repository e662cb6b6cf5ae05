"""`kinfo debug`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

from kinfo.cli import common, declare
from kinfo.cli.main import SOUND
from kinfo.cli.options import takes
from kinfo.cli.ram import command_words, kernel_options, opened, ram_argument
from kinfo.cli.words import one_of
from kinfo.debuggers import opens
from kinfo.debuggers.session import TOOLS, DebugRequest, Session
from kinfo.debuggers.vmlinux import check
from kinfo.errors import KinfoError


class Options(NamedTuple):
    """What `kinfo debug` was asked for."""

    ram: tuple[str, ...]
    kinfo: str | None
    symbols: str | None
    phys_base: int | None
    slide: int | None
    tool: str | None
    vmlinux: str | None
    is_run: bool


@declare.command("debug", short_help="The command line of crash, gdb or drgn for a RAM dump")
@ram_argument
@kernel_options
@declare.option("--tool", kind=declare.Choice(TOOLS), help="The debugger (default: all that open a core, in short).")
@declare.option(
    "--vmlinux", metavar="FILE", help="The kernel with debug information (crash, gdb); it must be of the same build."
)
@declare.option("--run", "is_run", is_flag=True, help="Start the debugger instead of printing its command.")
@takes(Options)
def command(options: Options) -> int:
    """Print (with --run: start) the command with which a debugger opens RAM..., with all that it would ask for.

    crash gets --kaslr, -m vabits_actual, kimage_voffset, phys_offset and FILE@ADDR. drgn gets a Python script: no vmlinux
    is needed. gdb gets the symbols as an ELF file, or --vmlinux at the addresses where it ran. A vmlinux of another build is
    refused, by build id or banner. Without --tool: what opens FILE, a core, as `kinfo core` says it of the one that it wrote.

    \b
    kinfo debug ram.elf --tool crash --vmlinux vmlinux
    kinfo debug ram.elf --tool drgn > session.py && python -i session.py
    """
    if "-" in options.ram:
        raise declare.UsageError("a debugger opens the memory itself: name its file")
    if options.tool is None:
        return _core(options)
    if options.vmlinux is not None and options.tool == "drgn":
        raise declare.UsageError("--vmlinux is for crash and gdb: drgn gets its symbols from the record")
    with opened(options.ram, options) as kernel:
        if options.vmlinux is not None:
            check(kernel, options.vmlinux)
        session: Session = import_module(f"kinfo.debuggers.{options.tool}").session(
            kernel,
            DebugRequest(
                options.ram, options.kinfo, options.vmlinux or "", options.symbols, options.phys_base, options.slide
            ),
        )
        if options.is_run:
            return _run(session)
    sys.stdout.buffer.write(os.fsencode(session.shown))  # file names can be undecodable
    return SOUND


def _core(options: Options) -> int:
    """What opens the one core that was named."""
    if len(options.ram) > 1 or options.is_run or options.vmlinux is not None or command_words(options):
        raise declare.UsageError(f"name the debugger: --tool {one_of(TOOLS)}")
    common.tell(opens.of_core(options.ram[0]))
    return SOUND


def _loads(module: str) -> bool:
    """Whether Python finds a module; "" is always there."""
    try:
        return not module or find_spec(module) is not None
    except (ImportError, ValueError):  # something that forbids the import
        return False


def _run(session: Session) -> int:
    """The debugger, with the files that it needs in a folder that goes when it ends; its own exit code."""
    program = shutil.which(session.argv[0])
    if program is None or not _loads(session.module):
        missing = session.module or session.argv[0]
        raise KinfoError(f"{missing} is not installed", f"install {session.package}, or leave --run out")
    with tempfile.TemporaryDirectory(prefix="kinfo-") as folder:
        places = {name: os.path.join(folder, name) for name in session.files}
        for name, write in session.files.items():
            with open(places[name], "wb") as file:
                write(file)
        sys.stdout.flush()
        argv = [program, *(places.get(word, word) for word in session.argv[1:])]
        before = signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the debugger, which it does not end
        try:
            return subprocess.run(argv, check=False).returncode  # noqa: S603  # the debugger that was asked for, no shell
        finally:
            signal.signal(signal.SIGINT, before)
