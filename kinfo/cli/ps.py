"""`kinfo ps`."""

from __future__ import annotations

from kinfo.cli import common, declare
from kinfo.cli.formats import data_format, show, strict_option
from kinfo.cli.options import takes
from kinfo.cli.ram import btf_option, command_words, kernel_options, opened, ram_argument, use_btf
from kinfo.cli.words import safe
from kinfo.named import NamedTuple


class Options(NamedTuple):
    """What `kinfo ps` was asked for."""

    ram: tuple[str, ...]
    kinfo: str | None
    symbols: str | None
    phys_base: int | None
    slide: int | None
    btf: str | None
    threads: bool
    tree: bool
    form: str
    strict: bool


@declare.command("ps", short_help="List the tasks of the kernel in a RAM dump")
@ram_argument
@kernel_options
@btf_option
@declare.option("--threads", is_flag=True, help="Every thread, not processes alone (text; the other formats have them).")
@declare.option("--tree", is_flag=True, help="Children below their parents (text).")
@data_format()
@strict_option
@takes(Options)
def command(options: Options) -> int:
    """List every task of the kernel in RAM...: pid, parent, CPU, state as ps prints it, policy, kernel or user, name.

    RAM is named as for `kinfo symbols`. No vmlinux is needed where the kernel carries BTF (CONFIG_DEBUG_INFO_BTF, which
    distributions' kernels and Android's GKI have); where it does not, --btf names the build's.

    Exit 0 when the lists of tasks are whole, 1 when one of them is damaged (what could be read is shown), 2 when no tasks
    could be read.

    \b
    kinfo ps ram.elf --tree
    kinfo ps ram.elf --kinfo region.bin --format json
    """
    from kinfo.report import tasks as report

    with opened(options.ram, options) as kernel:
        use_btf(kernel, options.btf)
        found = kernel.tasks()
        findings = (*kernel.told, *found.findings)
        if options.form == "text":
            btf = ("--btf", safe(options.btf)) if options.btf else ()
            words = [*map(safe, options.ram), *command_words(options), *btf]
            shown = report.text(found, findings, common.style(), threads=options.threads, tree=options.tree)
            common.tell(shown + report.next_steps(found, words))
        else:
            show(options.form, lambda: report.document(found, findings))
    return common.verdict(findings, strict=options.strict)
