"""What a settings file may say: which keys stand at its top, and which options a project's file may not set, and why."""

from __future__ import annotations

from kinfo.cli.declare import Parameter

# At the top of a file: options that mean the same in every command that has them.
GENERAL = (
    "format",
    "strict",
    "color",
    "no-cache",
    "jobs",
    "kinfo",
    "symbols",
    "phys-base",
    "phys-offset",
    "slide",
    "btf",
    "vmlinux",
    "layout",
    "series",
    "dtb",
    "profile",
    "page-size",
    "kernel",
    "include",
    "policy",
    "ignore",
    "table",
)

# A project's file comes with a tree that was cloned: it must not write, run programs or name what lies outside of the tree.
# It may set these; paths among them are held within its folder. An option that is new is refused until it stands here.
OF_PROJECTS = frozenset(
    {
        "after",
        "all",
        "all-modules",
        "base",
        "blob",
        "btf",
        "build-info",
        "caller",
        "color",
        "consumed",
        "cpu",
        "diff",
        "dmesg",
        "downstream",
        "driver",
        "dtb",
        "dump",
        "exact",
        "explain",
        "explain-boot",
        "facility",
        "format",
        "from-table",
        "head",
        "hex",
        "human",
        "if-present",
        "ignore",
        "image",
        "include",
        "instance",
        "iomem",
        "join",
        "kernel",
        "kinfo",
        "layout",
        "level",
        "list",
        "names",
        "no-cache",
        "no-schema",
        "offset",
        "once",
        "only",
        "overlay",
        "page-size",
        "phys-base",
        "phys-offset",
        "physical",
        "pid",
        "policy",
        "profile",
        "raw",
        "region",
        "regions",
        "registers",
        "require",
        "require-schema",
        "select",
        "series",
        "set",
        "since",
        "slide",
        "step",
        "strict",
        "stuck",
        "symbols",
        "table",
        "text",
        "threads",
        "tool",
        "tree",
        "upstream",
        "values",
    }
)
_WRITES = "it decides what is written"
_RUNS = "it has programs run on files that came with the project"
_WHY_NOT = {
    **dict.fromkeys(("output", "force", "append", "partition", "fix", "perfetto", "update-baseline"), _WRITES),
    **dict.fromkeys(("run", "vmlinux", "modules"), _RUNS),
    "files-from": "it names what is read, anywhere on this machine",
    "jobs": "how many processors may be used is this machine's matter",
}


def why_not_of_projects(key: str) -> str:
    """Why a project's file may not set an option; "" where it may."""
    return "" if key in OF_PROJECTS else _WHY_NOT.get(key, "it is not among those that do no harm")


PATHS = {"FILE", "FILE|PA", "FILE[#N]", "FILE[@PA]", "PA+SIZE|FILE@PA", "LIST", "LOG", "OUT", "TABLE", "OLD"}
FOLDERS = {"DIR"}


def key_of(option: Parameter) -> str:
    """An option's name in a settings file: its long flag, without the dashes."""
    return max(option.flags, key=len).lstrip("-")


def is_path(option: Parameter, value: str) -> bool:
    """Whether an option's value names a file or a folder: no `-`, and no address where that can stand too."""
    if option.metavar not in PATHS | FOLDERS or value == "-":
        return False
    return not ("PA" in str(option.metavar) and value[:1].isdigit())
