"""`kinfo demo`."""

from __future__ import annotations

from importlib.resources import as_file, files

import click

from kinfo import api
from kinfo.cli import common
from kinfo.cli.main import SOUND
from kinfo.memory import open_dump
from kinfo.report import text

SAMPLES = {
    "pixel-5.10.bin": "a Pixel's 4 KiB region: the kernel's record, and the vendor block in the second half",
    "meminspect-half.bin": "a meminspect kernel that stopped before late_initcall: valid, but half of it is missing",
    "ram-6.12.bin": "64 KiB of RAM around an Android 16 record, with a decoy and a flipped bit",
}


@click.command("demo", short_help="Decode the samples that come with kinfo")
def command() -> int:
    """Decode the samples that come with kinfo."""
    style = common.style()
    with as_file(files("kinfo") / "samples") as folder:
        for index, (name, what) in enumerate(SAMPLES.items()):
            common.write(("\n" if index else "") + style.paint(f"== {name}: {what}", "bold") + "\n\n")
            with open_dump(folder / name) as dump:
                record = api.decode(dump)
                common.write(text.render(name, record, style))
        common.write("\nNow your own: kinfo decode DUMP (add --hex or --explain for more)\n")
    return SOUND
