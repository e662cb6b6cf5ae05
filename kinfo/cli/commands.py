"""The commands and the screen that `kinfo --help` shows.

The screen is made here, without click, because it is the first thing that anyone sees and importing click takes longer than
everything else that is needed for it.
"""

from __future__ import annotations

COMMANDS: dict[str, tuple[str, str]] = {
    "decode": ("kinfo.cli.decode", "Decode the record in a dump, with the evidence"),
    "find": ("kinfo.cli.find", "List every record in big dumps"),
    "survey": ("kinfo.cli.survey", "Make a table of the records in many files, and sum it up"),
    "encode": ("kinfo.cli.encode", "Write a record from field values, with a right checksum"),
    "facts": ("kinfo.cli.facts", "Show what a kernel build gives a writer of the record, and from where"),
    "build": ("kinfo.cli.build", "Write the record that a driver would leave, from a kernel build"),
    "info": ("kinfo.cli.info", "Show the kernel in a RAM dump: virtual addresses, slide, modules, uptime"),
    "symbols": ("kinfo.cli.symbols", "List the symbols of the kernel in a RAM dump, or write them as ELF"),
    "lookup": ("kinfo.cli.lookup", "Turn addresses of a RAM dump into names, and names into addresses"),
    "symbolize": ("kinfo.cli.symbolize", "Put names on the raw addresses of a log"),
    "backtrace": ("kinfo.cli.backtrace", "Show where each CPU or task was, as the kernel's own traces do (short: bt)"),
    "ps": ("kinfo.cli.ps", "List the tasks of the kernel in a RAM dump"),
    "config": ("kinfo.cli.config", "Print the configuration that a kernel carries (CONFIG_IKCONFIG)"),
    "dmesg": ("kinfo.cli.dmesg", "Print the kernel's log out of a dump: RAM, vmcore, meminspect's regions"),
    "debug": ("kinfo.cli.debug", "Print the command with which crash, gdb or drgn opens a RAM dump"),
    "core": ("kinfo.cli.core", "Write a RAM dump as an ELF core that debuggers open without options"),
    "regions": ("kinfo.cli.regions", "Show what lies in the reserved memory of a dump, region by region"),
    "pstore": ("kinfo.cli.pstore", "Write out what ramoops keeps in a dump: crash logs, console, traces"),
    "trace": ("kinfo.cli.trace", "Read a trace out of a dump: the persistent ring buffer, or a kernel's own"),
    "verify-dt": ("kinfo.cli.verify_dt", "Check that a devicetree gives the kinfo driver its memory"),
    "table": ("kinfo.cli.table", "List the inspect table that a kernel registers its regions in"),
    "read": ("kinfo.cli.read", "Write bytes out of a dump: a region, a symbol, a VA or a PA"),
    "compare": ("kinfo.cli.compare", "Compare records field by field, by meaning"),
    "crosscheck": ("kinfo.cli.crosscheck", "Compare what the upstream and the downstream driver leave on one kernel"),
    "layouts": ("kinfo.cli.layouts", "Show the layouts: as a list, a table, JSON, Markdown or source code"),
    "vectors": ("kinfo.cli.vectors", "Write test vectors for boot loaders that read the record"),
    "report": ("kinfo.cli.report", "Write one page of HTML on a crash, to look at and to hand on"),
    "explain": ("kinfo.cli.explain", "Explain a finding's code, or list them all"),
    "demo": ("kinfo.cli.demo", "Decode the samples that come with kinfo"),
    "completion": ("kinfo.cli.completion", "Print what makes bash, zsh or fish complete kinfo's command lines"),
    "settings": ("kinfo.cli.settings.command", "Show the options that settings files and the environment set"),
}

ALIASES = {"bt": "backtrace"}

# Words in a command's place that need no file of their own.
WORDS = {"help": "Show this, or the help of a command", "version": "Show the version"}


def written_out(words: list[str]) -> list[str]:
    """A command line, from the command on, in the words that it stands for: `help X` is `X --help`, `bt` is `backtrace`.

    Raises KinfoError for words behind `version`, or a second one behind `help`.
    """
    if words[:1] not in (["help"], ["version"]):
        return [ALIASES.get(words[0], words[0]), *words[1:]] if words else words
    first, *rest = words
    if rest in (["--help"], ["-h"]) or (first == "help" and len(rest) == 1 and rest[0] in WORDS):
        return ["--help"]
    if len(rest) > (first == "help"):
        from kinfo.errors import KinfoError

        takes = "one command" if first == "help" else "nothing"
        raise KinfoError(
            f"kinfo {first} takes {takes}", f"leave out what follows: kinfo {' '.join(words[: 1 + (first == 'help')])}"
        )
    return [*written_out(rest), "--help"] if rest else [f"--{first}"]


def top_help() -> str:
    """What `kinfo --help` prints."""
    titles = {name: title for name, (_, title) in COMMANDS.items()} | WORDS
    rows = "\n".join(f"  {name:<10} {title}" for name, title in titles.items())
    return (
        "Usage: kinfo [OPTIONS] COMMAND [ARGS]...\n\n"
        "  Reads the debug-kinfo record that Android and meminspect kernels leave in\n"
        "  reserved memory for the boot loader: which kernel ran, and where its symbols lie.\n\n"
        f"Commands:\n{rows}\n\n"
        "Options:\n"
        "  --color auto|always|never  Colours; NO_COLOR and FORCE_COLOR are obeyed.\n"
        "  --no-settings              Leave settings files and KINFO_ variables out.\n"
        "  --no-cache                 Behind most commands: keep nothing unpacked.\n"
        "  --version                  Show the version and exit.\n"
        "  -h, --help                 Show this message and exit.\n\n"
        "Exit codes: 0 sound, 1 findings (an error, or a warning under --strict), 2 could not decide.\n"
        "Start with: kinfo demo, then kinfo decode DUMP. `kinfo help COMMAND` has the details.\n"
    )
