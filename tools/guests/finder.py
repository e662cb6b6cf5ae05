"""A second opinion on where the kallsyms tables lie: vmlinux-to-elf, which finds them by their looks; in its own venv."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tools.guests.machines import run

_RELEASE = "vmlinux-to-elf==1.4.0"  # the class and its attributes are no promised interface
_ASK = """
import json, sys
from vmlinux_to_elf.core.kallsyms import KallsymsFinder
with open(sys.argv[1], "rb") as image:
    found = vars(KallsymsFinder(image.read()))
ends = "__offset"
print(json.dumps({name.removesuffix(ends): value for name, value in found.items() if name.endswith(ends)}))
"""


def tables(image: Path, cache: Path) -> dict[str, int]:
    """The offset in the image of each kallsyms table, by symbol name (`kallsyms_addresses_or_offsets` is one of them)."""
    venv = cache / "vmlinux-to-elf"
    if not (venv / "bin/kallsyms-finder").exists():
        run([sys.executable, "-m", "venv", "--clear", venv])
        run([venv / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", _RELEASE])
    found: dict[str, int] = json.loads(run([venv / "bin/python", "-c", _ASK, image]))
    found["kallsyms_offsets"] = found.pop("kallsyms_addresses_or_offsets")
    return found
