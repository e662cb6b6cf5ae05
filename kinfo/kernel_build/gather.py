"""From what a user names to facts: every source by its content, all in one frame of addresses, none against another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import BinaryIO, NamedTuple

from kinfo.arch.address import MASK
from kinfo.errors import FieldError, KernelError, KinfoError
from kinfo.kernel_build import derive, names
from kinfo.kernel_build.model import Fact, Facts, Told, shown
from kinfo.kernel_build.names import ADDRESS, ADDRESSES, BY_NAME
from kinfo.kernel_build.sources import tell_all


class Given(NamedTuple):
    """What a user says beside the sources.

    `phys_base` is the PA that `_text` runs at; `phys_offset` the start of RAM, from which that follows (on x86-64: the value
    of the kernel's phys_base). `settings` are NAME=VALUE, `kinfo` the record of a RAM dump that lies outside of it.
    """

    phys_base: int | None = None
    phys_offset: int | None = None
    settings: Sequence[str] = ()
    kinfo: str | None = None


def gather(sources: Sequence[str], given: Given | None = None, stdin: BinaryIO | None = None) -> Facts:
    """Every fact that `sources` (files, recognised by their content) and `given` hold.

    Raises KinfoError: for a file that is no source or is damaged, for sources that contradict one another, for a setting that
    there is not.
    """
    given = given or Given()
    told = tell_all(sources, given.kinfo, stdin)
    settings = _settings(given)
    is_running = _align([*told, settings])
    known = _agreed([*told, settings])
    _check_versions(told, known)
    for one in told:
        for name, fact in one.fallbacks.items():
            known.setdefault(name, fact)
    _place(known, given, told)
    config = next((one for one in told if one.config is not None), None)
    derive.Derived(known, config.config if config else None, config.config_version if config else "", is_running=is_running)
    name = told[0].source if len(told) == 1 else f"{told[0].source} and {len(told) - 1} more" if told else "--set"
    return Facts(known, name)


def _settings(given: Given) -> Told:
    told = Told("--set")
    for setting in given.settings:
        name, value = names.parse(setting)
        if name in told.facts:
            raise FieldError(f"--set {name}: is given twice", "keep one of them")
        told.add(name, value, "given")
    if given.phys_base is not None:
        if "text_pa" in told.facts:
            raise FieldError("--set text_pa: --phys-base says the same", "keep one of them")
        told.facts["text_pa"] = Fact("text_pa", given.phys_base, "--phys-base", "given")
    return told


def _align(told: Iterable[Told]) -> bool:
    """Every address into the frame of the running kernel where a source has that, else into the first source's.

    An image is linked at one address and runs at another, a distance apart: the KASLR slide. Settings are taken to be in that
    frame. Returns whether it is the running kernel's.
    """
    placed = [one for one in told if any(name in one.facts for name in ADDRESSES) and one.source != "--set"]
    placed.sort(key=lambda one: (not one.is_running, not _is_address(one)))
    for one in placed[1:]:
        anchor = next((name for name in ADDRESSES if name in one.facts and name in placed[0].facts), None)
        if anchor is None:
            hint = "name one that lists _text"
            raise KernelError(f"{one.source}: shares no symbol with {placed[0].source} by which to line them up", hint)
        shift, is_linked = int(placed[0].facts[anchor].value) - int(one.facts[anchor].value), _is_address(one)
        for facts in (one.facts, one.fallbacks):
            for name, fact in facts.items():
                if BY_NAME[name].kind == ADDRESS:
                    facts[name] = fact._replace(value=int(fact.value) + shift & MASK)
        if placed[0].is_running and not one.is_running and is_linked:
            one.add("kaslr_slide", shift & MASK, f"distance to {anchor} of {placed[0].source}")
    return bool(placed) and placed[0].is_running


def _is_address(told: Told) -> bool:
    return any(int(told.facts[name].value) >> 63 for name in ADDRESSES if name in told.facts)


def _agreed(told: Iterable[Told]) -> dict[str, Fact]:
    """The facts that are read, or KernelError where two sources read them differently."""
    known: dict[str, Fact] = {}
    for one in told:
        for name, fact in one.facts.items():
            other = known.setdefault(name, fact)
            if other.value != fact.value:
                raise _contradiction(other, fact)
    return known


def _contradiction(one: Fact, other: Fact) -> KinfoError:
    name = one.name
    if other.source.startswith("--"):
        said = (
            f"{other.source}: {name} is {shown(name, one.value)} by {one.source} ({one.how}), not {shown(name, other.value)}"
        )
        return FieldError(said, "leave it out: what a source says is not overridden")
    if name == "release":
        said = f"{other.source}: is of {other.value}, {one.source} of {one.value}"
    else:
        here, there = (f"{shown(name, fact.value)} ({fact.how})" for fact in (other, one))
        said = f"{other.source}: contradicts {one.source}: {name} is {here}, there {there}"
    return KernelError(said, "name files of one build")


def _check_versions(told: Iterable[Told], known: dict[str, Fact]) -> None:
    release = known.get("release")
    for one in told:
        if release and one.config_version and derive.contradicts(one.config_version, str(release.value)):
            said = f"{one.source}: is a configuration of {one.config_version}, {release.source} is of {release.value}"
            raise KernelError(said, "name files of one build")


def _place(known: dict[str, Fact], given: Given, told: Iterable[Told]) -> None:
    if given.phys_offset is None:
        return
    if given.phys_base is not None:
        raise FieldError("--phys-offset: --phys-base says where the image lies already", "keep one of them")
    text, arch = known.get("_text"), known.get("arch")
    offset = next((one.text_offset for one in told if one.text_offset is not None), None)
    at = derive.text_pa(given.phys_offset, int(text.value) if text else None, arch.value if arch else None, offset)
    if at is None:
        raise FieldError(
            "--phys-offset: needs the address of _text", "name a vmlinux, System.map or Image, or use --phys-base"
        )
    fact = Fact("text_pa", at, "--phys-offset", "start of RAM and the image's own offset")
    other = known.setdefault("text_pa", fact)
    if other.value != at:
        raise _contradiction(other, fact)
