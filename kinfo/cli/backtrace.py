"""`kinfo backtrace`."""

from __future__ import annotations

from collections.abc import Sequence

from kinfo.cli import common, declare
from kinfo.cli.formats import data_format, show, strict_option
from kinfo.cli.options import takes
from kinfo.cli.ram import btf_option, command_words, kernel_options, opened, ram_argument, use_btf
from kinfo.cli.words import safe
from kinfo.errors import KinfoError
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.kernel.kernel import Kernel
    from kinfo.kernel.stack.backtraces import Backtraces
    from kinfo.kernel.stack.model import Backtrace


class Options(NamedTuple):
    """What `kinfo backtrace` was asked for."""

    ram: tuple[str, ...]
    kinfo: str | None
    symbols: str | None
    phys_base: int | None
    slide: int | None
    btf: str | None
    every: bool
    pid: tuple[int, ...]
    cpu: tuple[int, ...]
    stuck: bool
    registers: str | None
    form: str
    strict: bool


@declare.command("backtrace", short_help="Show where the tasks of the kernel in a RAM dump were")
@ram_argument
@kernel_options
@btf_option
@declare.option("--all", "every", is_flag=True, help="Every task.")
@declare.option("--pid", kind=int, multiple=True, metavar="PID", help="This task (a process or a thread); several times.")
@declare.option("--cpu", kind=int, multiple=True, metavar="CPU", help="The task that this CPU was in; several times.")
@declare.option("--stuck", is_flag=True, help="Tasks in state D, grouped by equal chains, most common first.")
@declare.option(
    "--registers", metavar="FILE", help="The CPUs' registers: QEMU's `info registers -a`, an oops, NAME=VALUE lines."
)
@data_format()
@strict_option
@takes(Options)
def command(options: Options) -> int:
    """Show the call chain of the CPU that panicked in RAM..., else of every CPU, innermost function first.

    RAM is named as for `kinfo symbols`; types come as for `kinfo ps`. Lines are the kernel's own: name+0xoff/0xsize [module].
    A CPU's registers are the dump's (QEMU and kdump write them), or in FILE; where there are none, its chain is a guess, and
    says so. Each chain says how it ended.

    Exit 0 when every chain is whole, 1 when one breaks off, 2 when there is no such task, or nothing could be read.

    \b
    kinfo backtrace ram.elf
    kinfo backtrace ram.elf --stuck
    kinfo backtrace DDRCS0_0.BIN@0x80000000 --registers cpus.txt --cpu 3
    """
    if sum((options.every, bool(options.pid), bool(options.cpu), options.stuck)) > 1:
        raise declare.UsageError("choose one of --all, --pid, --cpu and --stuck")
    from kinfo.kernel.stack.backtraces import findings as of_traces
    from kinfo.report import backtrace as report

    with opened(options.ram, options) as kernel:
        use_btf(kernel, options.btf)
        found = _backtraces(kernel, options.registers)
        traces = _chosen(found, every=options.every, pids=options.pid, cpus=options.cpu, stuck=options.stuck)
        findings = (*kernel.told, *found.tasks.findings, *of_traces(traces))
        if options.form != "text":
            show(options.form, lambda: report.document(found, traces, findings))
        elif options.stuck:
            common.tell(report.grouped(traces, findings, common.style()))
        else:
            btf = ("--btf", safe(options.btf)) if options.btf else ()
            words = [*map(safe, options.ram), *command_words(options), *btf]
            steps = report.next_steps(traces, words, is_default=not (options.every or options.pid or options.cpu))
            common.tell(report.text(traces, findings, common.style()) + steps)
    return common.verdict(findings, strict=options.strict)


def _backtraces(kernel: Kernel, registers: str | None) -> Backtraces:
    from kinfo.kernel.stack.backtraces import Backtraces

    if registers is None:
        return kernel.backtraces()
    from kinfo.kernel.stack.register_file import read_registers

    def resolve(symbol: str) -> int | None:
        places = kernel.named(symbol)
        return places[0].va if len(places) == 1 else None

    return Backtraces.of_kernel(kernel, read_registers(registers, resolve), f"the CPU's registers, in {safe(registers)}")


def _chosen(found: Backtraces, *, every: bool, pids: Sequence[int], cpus: Sequence[int], stuck: bool) -> list[Backtrace]:
    if every:
        return list(found.all())
    if stuck:
        return [found.of(task) for task in found.tasks if task.state == "D"]
    if pids:
        return [_of_pid(found, one) for one in pids]
    if cpus:
        return [_of_cpu(found, one) for one in cpus]
    traces = list(found.of_cpus())
    if not traces:
        raise KinfoError("which task a CPU was in cannot be told", "name tasks with --pid, or take --all")
    panicking = [one for one in traces if one.is_panicking]
    return panicking or traces


def _of_pid(found: Backtraces, pid: int) -> Backtrace:
    task = found.tasks.named(pid)
    if task is None:
        raise KinfoError(f"there is no task with pid {pid}", "`kinfo ps --threads` lists them")
    return found.of(task)


def _of_cpu(found: Backtraces, cpu: int) -> Backtrace:
    task = next((one.task for one in found.running if one.cpu == cpu), None)
    if task is None:
        known = ", ".join(str(one.cpu) for one in found.running) or "none"
        raise KinfoError(f"which task CPU {cpu} was in is not known", f"CPUs whose task is known: {known}")
    return found.of(task)
