"""`kinfo demo`."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from kinfo import api
from kinfo.cli import common, declare
from kinfo.cli.main import SOUND
from kinfo.kernel.boot.summary import summary
from kinfo.kernel.open import open_kernel
from kinfo.kernel.symbolize import Symbolizer
from kinfo.memory import open_dump
from kinfo.report import kernel as report
from kinfo.report import text
from kinfo.report.style import Style

SAMPLES = {
    "pixel-5.10.bin": "a Pixel's 4 KiB region: the kernel's record, and the vendor block in the second half",
    "meminspect-half.bin": "a meminspect kernel that stopped before late_initcall: valid, but half of it is missing",
    "ram-6.12.bin": "64 KiB of RAM around an Android 16 record, with a decoy and a flipped bit",
}


CRASH, LOG = "crash-6.12.elf", "crash-6.12.log"


@declare.command("demo", short_help="Decode the samples that come with kinfo")
def command() -> int:
    """Decode the samples that come with kinfo.

    \b
    kinfo demo
    """
    style = common.style()
    with as_file(files("kinfo") / "samples") as folder:
        for index, (name, what) in enumerate(SAMPLES.items()):
            common.tell(("\n" if index else "") + style.paint(f"== {name}: {what}", "bold") + "\n\n")
            with open_dump(folder / name) as dump:
                record = api.decode(dump)
                common.tell(text.render(name, record, style))
        _names(folder, style)
    common.tell("\nNow your own: kinfo decode DUMP (add --hex or --explain for more), kinfo info RAM\n")
    return SOUND


def _names(folder: Path, style: Style) -> None:
    """From the record to names: the kernel of a RAM dump, and a boot loader's log with names."""
    with open_kernel(str(folder / CRASH)) as kernel:
        kernel.memory.name = CRASH
        common.tell("\n" + style.paint(f"== {CRASH}: the RAM of a crashed kernel, without its vmlinux", "bold") + "\n\n")
        common.tell(report.text(summary(kernel), style))
        common.tell("\n" + style.paint(f"== {LOG}: what the boot loader printed, with names", "bold") + "\n\n")
        common.tell(Symbolizer(kernel).text((folder / LOG).read_bytes()).decode())
