"""Releases and fingerprints taken apart: version, Android's marks, product, device. Nothing is guessed at."""

from __future__ import annotations

import re

from kinfo.survey.schema import TableRow

# 6.12.38-android16-5-g1d9b3c5a7e20-ab13579246: version, Android release, KMI generation, commit, build (GKI's naming).
_NUMBERS = re.compile(r"\d{1,3}\.\d{1,4}\.(\d{1,6})(?=[^0-9]|$)")
_ANDROID = re.compile(r"-android(\d{1,3})(?:-(\d{1,3}))?(?=-|$)")
_COMMIT = re.compile(r"-g([0-9a-f]{7,40})(?=-|\+|$)")
_BUILD = re.compile(r"-ab(P?\d+)(?=-|$)")
# brand/product/device:release/id/incremental:type/tags: Build.FINGERPRINT of Android, android.os.Build.deriveFingerprint().
_FINGERPRINT = re.compile(r"([^/:]+)/([^/:]+)/([^/:]+):([^/:]+)/([^/:]+)/([^/:]+):([^/:]+)/([^/:]+)")
_PARTS = ("brand", "product", "device", "os_release", "build_id", "incremental", "build_type", "build_tags")


def of_release(text: str, version: tuple[int, int] | None) -> TableRow:
    """The columns of a release; without `version` it does not begin with one, and nothing behind is trusted."""
    if version is None:
        return {"release": text or None}
    numbers, android = _NUMBERS.match(text), _ANDROID.search(text)
    commit, build = _COMMIT.search(text), _BUILD.search(text)
    generation = android[2] if android else None
    return {
        "release": text,
        "version": f"{version[0]}.{version[1]}",
        "patch_level": int(numbers[1]) if numbers else None,
        "android_release": int(android[1]) if android else None,
        "kmi_generation": int(generation) if generation else None,
        "commit": commit[1] if commit else None,
        "kernel_build": build[1] if build else None,
    }


def of_fingerprint(text: str) -> TableRow:
    """The columns of build_info; none where it is no fingerprint, as in what an earlier, longer one left behind."""
    found = _FINGERPRINT.fullmatch(text)
    return dict(zip(_PARTS, found.groups(), strict=True)) if found else {}
