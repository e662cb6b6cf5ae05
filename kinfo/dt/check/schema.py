"""What dt-validate says, as findings; `dt/schema.py` runs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.findings import Finding, Rule, Severity
from kinfo.typed import Any

_SAID = 300  # letters of a message that are shown

SCHEMA = Rule(
    "devicetree-schema",
    Severity.ERROR,
    "the schema of this profile does not hold",
    "the kernel does not check schemas; review and CI do",
    "change the tree, or check it with the --profile it was written for",
    "bindings/, by dt-validate",
)
SCHEMA_FAILED = Rule(
    "devicetree-schema-failed",
    Severity.WARNING,
    "the schema check did not finish",
    "whether the schema holds is not known, and so the verdict is undecided; the other rules were checked",
    "mend what the other findings say and run it again, or leave the schema out with --no-schema",
    "dt-validate of dtschema, run with limits on memory and processor time",
)
SCHEMA_SKIPPED = Rule(
    "devicetree-schema-skipped",
    Severity.INFO,
    "the schema was not checked",
    "whether the schema holds is not known; the other rules were checked",
    "pip install 'kinfo[dt]' in kinfo's own Python, or leave the schema out with --no-schema",
    "dtschema is an extra: it brings a compiler and a GPL-3.0+ package (rfc3987)",
)
RULES = (SCHEMA, SCHEMA_FAILED, SCHEMA_SKIPPED)


def install_line() -> str:
    """The command that installs dtschema where this kinfo finds it."""
    import shlex
    import sys

    return f"{shlex.quote(sys.executable)} -m pip install 'kinfo[dt]'"


def without_tool(lack: str, *, required: bool) -> Finding:
    """The finding for a missing dtschema: a note, for it is the user's choice; undecided where it is required."""
    remedy = f"{install_line()} (it compiles libfdt: apt-get install gcc libc6-dev python3-dev); or --no-schema"
    return (SCHEMA_FAILED if required else SCHEMA_SKIPPED).at("/", f"{lack}; {install_line()}", remedy=remedy)


def findings(said: Sequence[dict[str, Any]]) -> Iterator[Finding]:
    """dt-validate's JSON (dtschema 2026.9 and later) as findings, with the schema's $id as source."""
    for one in said:
        if one.get("type") == "validation":
            path = [str(part) for part in one.get("property_path", ())]
            where = str(one.get("node") or "/") + (f":{path[0]}" if path else "")
            yield SCHEMA.at(where, _message(one))._replace(source=f"{one.get('schema')}, by dt-validate")
        elif one.get("type") == "decode":  # a value that has not the form its type asks for
            yield SCHEMA.at(str(one.get("node") or "/"), str(one.get("message"))[:_SAID])
        elif one.get("type") == "recursion-error":
            yield SCHEMA_FAILED.at(str(one.get("node") or "/"), str(one.get("message"))[:_SAID])


def _message(one: dict[str, Any]) -> str:
    """Dtschema's message; where it says only that no alternative holds, the alternatives."""
    message = str(one.get("message"))
    if "is not valid under any of the given schemas" in message:
        lines = (line.strip() for line in str(one.get("formatted", "")).splitlines())
        wanted = list(dict.fromkeys(line for line in lines if line.startswith("'")))
        message = "one of these must be mended: " + "; ".join(wanted)
    return message[:_SAID]
