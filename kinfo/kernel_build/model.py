"""What sources say: facts with where each comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kinfo.errors import KinfoError
from kinfo.kernel_build.names import ADDRESS, BY_NAME, TEXT, Known, expected
from kinfo.printable import brief
from kinfo.record.kernels import Release, parse_release

Value = int | str


class Fact(NamedTuple):
    """A fact, the source it was read from, and how ("symbol _text", "BTF: struct module")."""

    name: str
    value: Value
    source: str
    how: str


class Told:
    """What one source says.

    `facts` are read from it; `fallbacks` are concluded, or a record's, and count only where no source has the fact itself.
    Addresses are VAs of that source: of the link, or of the running kernel where `is_running`.
    """

    def __init__(self, source: str, *, is_running: bool = False) -> None:
        self.source, self.is_running = source, is_running
        self.facts: dict[str, Fact] = {}
        self.fallbacks: dict[str, Fact] = {}
        self.config: Mapping[str, str] | None = None
        self.config_version = ""  # the release that a .config says it is for, without local version
        self.text_offset: int | None = None  # of an arm64 Image: where above the start of RAM it wants to lie

    def add(self, name: str, value: Value | None, how: str, *, is_fallback: bool = False) -> None:
        """A fact, unless `value` is None."""
        if value is not None:
            (self.fallbacks if is_fallback else self.facts).setdefault(name, Fact(name, value, self.source, how))


class MissingError(KinfoError):
    """Facts that are needed and that no source gave. `facts` has their names."""

    def __init__(self, source: str, facts: tuple[str, ...]) -> None:
        ways: dict[str, list[str]] = {}
        for name in facts:
            ways.setdefault(_ways(BY_NAME[name]), []).append(name)
        hint = "; ".join(f"{', '.join(names)}: give {way}" for way, names in ways.items())
        super().__init__(
            f"{source}: not enough is known: {len(facts)} fact{'s are' if len(facts) > 1 else ' is'} missing", hint
        )
        self.facts = facts


def _ways(known: Known) -> str:
    return known.remedy.replace(f"--set {known.name}=", "--set NAME=")


class Facts(Mapping[str, Value]):
    """Every fact that is known: a mapping of name to value. `of` has where each comes from."""

    def __init__(self, facts: Mapping[str, Fact], name: str) -> None:
        self.of = {known: facts[known] for known in BY_NAME if known in facts}
        self.name = name

    def __getitem__(self, name: str) -> Value:
        return self.of[name].value

    def __iter__(self) -> Iterator[str]:
        return iter(self.of)

    def __len__(self) -> int:
        return len(self.of)

    @property
    def release(self) -> Release | None:
        """The release taken apart; None where it is not known."""
        return parse_release(str(self["release"])) if "release" in self.of else None

    @property
    def missing(self) -> tuple[Known, ...]:
        """The facts that such a kernel has and that nothing here gives."""
        return tuple(known for known in expected(self.release.version if self.release else None) if known.name not in self.of)

    def require(self, names: tuple[str, ...]) -> None:
        """Raises MissingError, with how to give them, unless all of these are known."""
        lacking = tuple(name for name in names if name not in self.of)
        if lacking:
            raise MissingError(self.name, lacking)

    def __repr__(self) -> str:
        return brief(self, f"of {self.name}: {len(self)} known, {len(self.missing)} missing")


def shown(name: str, value: Value) -> Value:
    """A value as JSON, YAML and text show it: addresses and very large numbers in hex."""
    if isinstance(value, str) or BY_NAME[name].kind == TEXT:
        return value
    return f"{value:#x}" if BY_NAME[name].kind == ADDRESS or name == "text_pa" or value >= 1 << 24 else value
