"""`kinfo config`."""

from __future__ import annotations

from kinfo.cli import common, declare
from kinfo.cli.formats import data_format, show
from kinfo.cli.main import SOUND
from kinfo.cli.options import takes
from kinfo.cli.ram import beside, kernel_options
from kinfo.cli.words import safe, say
from kinfo.named import NamedTuple


class Options(NamedTuple):
    """What `kinfo config` was asked for."""

    source: tuple[str, ...]
    kinfo: str | None
    symbols: str | None
    phys_base: int | None
    slide: int | None
    form: str


@declare.command("config", short_help="Print the configuration that a kernel carries")
@declare.argument("source", nargs=-1, required=True, metavar="SOURCE...")
@kernel_options
@data_format()
@takes(Options)
def command(options: Options) -> int:
    """Print the .config that the kernel in SOURCE... was built with, if it carries one (CONFIG_IKCONFIG).

    SOURCE is RAM as for `kinfo symbols`, a kernel image (Image, vmlinux; compressed or not), or meminspect's region files:
    md_Kconfig3.BIN, or their folder. Where RAM has the configurations of several kernels, that of the kernel that ran is
    printed.

    Exit 0, 2 when there is none, it is damaged, or several are there and nothing tells which is meant.

    \b
    kinfo config ram.elf > config
    kinfo config Image --format json
    """
    from kinfo.kernel.boot import config
    from kinfo.kernel.ikconfig import kernel_config

    found = kernel_config(options.source, options.kinfo, common.stdin(), beside=beside(options))
    say(f"{found.source}")
    if options.form == "text":
        common.write_bytes(found.text.encode("utf-8", "surrogateescape"))
    else:
        values = {name: safe(value) for name, value in config.options(found.text).items()}
        show(options.form, lambda: {"schema_version": 1, "source": found.source, "options": values})
    return SOUND
