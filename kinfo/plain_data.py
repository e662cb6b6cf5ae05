"""YAML and JSON as people write them, read without what a hostile file abuses."""

from __future__ import annotations

import os
from collections.abc import Mapping

from kinfo.errors import FieldError, KinfoError
from kinfo.sources import open_file
from kinfo.typed import Any, BinaryIO

_LIMIT = 1 << 16  # a fields file is a few KB, its document at most
_DEPTH = 16  # what decode prints nests 8 levels deep


def plain(text: bytes) -> Any:
    """What YAML or JSON text says. Raises KinfoError, without the file's name."""
    import yaml

    try:
        return _load_quickly(text)  # JSON is YAML
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise KinfoError(f"is neither YAML nor JSON{place}", "write `name: value`, one a line") from error


def load(path: str | os.PathLike[str], stdin: BinaryIO | None = None) -> Mapping[str, Any]:
    """A YAML or JSON mapping from a small file. Raises FieldError, KinfoError, DumpError."""
    path = os.fspath(path)
    with open_file(path, stdin) as file:
        text = file.start(_LIMIT + 1)
    if len(text) > _LIMIT:
        raise FieldError(f"{path}: is larger than {_LIMIT} bytes", "name a file of field values, not a dump")
    try:
        data = plain(text)
    except KinfoError as error:
        raise KinfoError(f"{path}: {error.message}", error.hint) from error
    if not isinstance(data, Mapping):
        raise FieldError(f"{path}: is no mapping of field names to values", "write `name: value`, one a line")
    return data


def _load_quickly(text: bytes) -> Any:
    """By libyaml, where PyYAML has it; what that refuses PyYAML's own reader decides on, and says where it is."""
    import yaml

    try:
        return _load_plain(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return _load_plain(text, yaml.SafeLoader)


def _load_plain(text: bytes, loaders: Any) -> Any:
    """YAML without what no fields file needs and a hostile one abuses: aliases, deep nesting, a key that comes twice."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=loaders):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > _DEPTH:
            raise yaml.YAMLError("aliases or deep nesting")
    loader = loaders(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_twice(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


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
