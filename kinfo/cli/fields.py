"""Files of field values: YAML or JSON, as people write them and as `kinfo decode` prints them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kinfo.cli import common
from kinfo.cli.words import say
from kinfo.errors import FieldError, KinfoError
from kinfo.memory import open_dump
from kinfo.report.document import UNKNOWN

_LIMIT = 1 << 16  # a fields file is a few KB, its document at most
_DEPTH = 16  # what decode prints nests 8 levels deep


def parsed(
    path: str, layout: str | None, how: str = "name one with --layout"
) -> tuple[str, Mapping[str, Any], Mapping[str, str]]:
    """Layout name, fields, and what stands behind NULs, out of a file of fields. Raises FieldError, KinfoError.

    `how` is what to do about a file that does not name its layout.
    """
    data = load(path)
    if "records" in data:
        records = data["records"]
        if not isinstance(records, list) or len(records) != 1 or not isinstance(records[0], Mapping):
            raise FieldError(f"{path}: `records` is not one record", "decode without --all, or keep one of them")
        data = records[0]
        if data.get("layout") == UNKNOWN:
            raise FieldError(f"{path}: an erased region has no record to encode", "decode a dump that has one")
        if data.get("vendor"):
            say("the vendor block is left out; encode its fields on their own")
    values = data.get("fields", data)
    if not isinstance(values, Mapping):
        raise FieldError(f"{path}: `fields` is no mapping", "write it as `name: value`, one a line")
    name = layout or (data.get("layout") if values is not data else None)
    if not isinstance(name, str):
        raise FieldError(f"{path}: does not say its layout", how)
    return name, values, (data.get("after_nul") or {}) if values is not data else {}


def _load_plain(text: bytes) -> Any:
    """YAML without what no fields file needs and a hostile one abuses: aliases, deep nesting, a key that comes twice."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > _DEPTH:
            raise yaml.YAMLError("aliases or deep nesting")
    _refuse_twice(yaml.compose(text, Loader=yaml.SafeLoader))
    return yaml.safe_load(text)


def _refuse_twice(node: Any) -> None:
    """Raises KinfoError for a mapping that has a key twice: YAML's reader would take the last one without a word."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in keys:
                line = key.start_mark.line + 1
                raise KinfoError(f"line {line}: the key {key.value[:60]!r} comes twice", "keep one of them")
            if isinstance(key, yaml.ScalarNode):
                keys.add(key.value)
            _refuse_twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twice(value)


def plain(text: bytes) -> Any:
    """What YAML or JSON text says. Raises KinfoError, without the file's name."""
    import yaml

    try:
        return _load_plain(text)  # JSON is YAML
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise KinfoError(f"is neither YAML nor JSON{place}", "write `name: value`, one a line") from error


def load(path: str) -> Mapping[str, Any]:
    """A YAML or JSON mapping from a small file. Raises FieldError, KinfoError, DumpError."""
    with open_dump(path, common.stdin()) as source:
        text = source.read(0, _LIMIT + 1)
    if len(text) > _LIMIT:
        raise FieldError(f"{path}: is larger than {_LIMIT} bytes", "name a file of field values, not a dump")
    try:
        data = plain(text)
    except KinfoError as error:
        raise KinfoError(f"{path}: {error.message}", error.hint) from error
    if not isinstance(data, Mapping):
        raise FieldError(f"{path}: is no mapping of field names to values", "write `name: value`, one a line")
    return data
