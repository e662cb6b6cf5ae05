"""Which classes pass, and for which fields: what a project's CI may say in a YAML file."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kinfo.diff.classify import CHECKSUM, LAYOUT, VENDOR
from kinfo.diff.model import Difference, Kind
from kinfo.errors import KinfoError, did_you_mean
from kinfo.named import NamedTuple
from kinfo.printable import brief
from kinfo.record.layouts import LAYOUTS
from kinfo.typed import Any

EXPECTED = frozenset(kind for kind in Kind if kind is not Kind.REGRESSION)
_OF_A_RECORD = (CHECKSUM, LAYOUT)
FIELDS = {*_OF_A_RECORD, VENDOR, *(field.name for layout in LAYOUTS for field in layout.fields)}
FIELDS |= {f"{VENDOR}.{name}" for layout in LAYOUTS if layout.vendor for name in (*_OF_A_RECORD, *layout.by_name)}
_KEYS = ("pass", "fields", "ignore")


class Policy(NamedTuple):
    """The classes that pass, others for some fields, and fields that are not looked at."""

    passing: frozenset[Kind] = EXPECTED
    by_field: Mapping[str, frozenset[Kind]] = {}
    ignored: frozenset[str] = frozenset()

    def allows(self, difference: Difference) -> bool:
        """Whether a field's difference passes."""
        if difference.kind is Kind.SAME or difference.field in self.ignored:
            return True
        return difference.kind in self.by_field.get(difference.field, self.passing)

    def ignoring(self, names: Collection[str]) -> Policy:
        """The same, with more fields ignored. Raises KinfoError for a name that no layout has."""
        for name in names:
            _field(name)
        return self._replace(ignored=self.ignored | frozenset(names))

    def __repr__(self) -> str:
        passing = ", ".join(sorted(one.value for one in self.passing))
        return brief(self, f"passing {passing}; {len(self.by_field)} fields with their own, {len(self.ignored)} ignored")


def policy_of(data: Any) -> Policy:
    """The policy in a YAML document. Raises KinfoError: unknown keys, classes and fields are errors."""
    if not isinstance(data, Mapping):
        raise KinfoError("is no mapping", f"its keys are {', '.join(_KEYS)}")
    for key in data:
        if key not in _KEYS:
            raise KinfoError(f"has an unknown key {key!r}", did_you_mean(str(key), _KEYS, f"its keys are {', '.join(_KEYS)}"))
    fields = data.get("fields", {})
    if not isinstance(fields, Mapping):
        raise KinfoError("fields is no mapping", "write `fields: {thread_size: [regression]}`")
    passing = _kinds("pass", data["pass"]) if "pass" in data else EXPECTED
    by_field = {_field(name): _kinds(name, kinds) for name, kinds in fields.items()}
    return Policy(passing, by_field, frozenset(_field(name) for name in _listed("ignore", data.get("ignore", []))))


def _listed(key: str, given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise KinfoError(f"{key} is no list", f"write `{key}: [...]`")
    return given


def _kinds(key: str, given: Any) -> frozenset[Kind]:
    names = [kind.value for kind in Kind]
    for name in _listed(key, given):
        if name not in names:
            hint = did_you_mean(str(name), names, f"they are {', '.join(names)}")
            raise KinfoError(f"{key}: there is no class {name!r}", hint)
    return frozenset(Kind(name) for name in given)


def _field(name: Any) -> str:
    if not isinstance(name, str) or name not in FIELDS:
        raise KinfoError(f"no layout has a field {name!r}", did_you_mean(str(name), FIELDS, "`kinfo layouts C` lists fields"))
    return name
