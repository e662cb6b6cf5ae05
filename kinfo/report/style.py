"""What the output is like: its colours, its width."""

from __future__ import annotations

from kinfo.findings import Severity

CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    # of the 256, whose values every terminal shares: these can be read on black as well as on white
    "azure": "38;5;33",
    "pink": "38;5;163",
    "amber": "38;5;130",
    "scarlet": "38;5;160",
    "grey": "38;5;243",
}
_SEVERITY = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
CYCLE = ("green", "yellow", "blue", "magenta", "cyan")


class Style:
    """Paints text with ANSI codes when `colour` is on, and leaves it alone otherwise.

    `width` is the terminal's columns, in which tables fit; None where lines may be of any length.
    """

    def __init__(self, colour: bool, width: int | None = None) -> None:
        self.colour, self.width = colour, width

    def paint(self, text: str, *names: str) -> str:
        """The text in the named colours."""
        if not self.colour or not text:
            return text
        return f"\033[{';'.join(CODES[name] for name in names)}m{text}\033[0m"

    def severity(self, severity: Severity, text: str) -> str:
        """The text in a severity's colour."""
        return self.paint(text, "bold", _SEVERITY[severity])
