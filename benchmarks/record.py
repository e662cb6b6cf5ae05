"""Start-up, decoding, and the search for records, against `python -c pass` and grep."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import kinfo
from benchmarks import fleet
from benchmarks.measure import KINFO, MIB, SAMPLES, alternating, best, peak_mib, row
from kinfo.memory import BytesDump


def start_up() -> None:
    region = str(SAMPLES / "pixel-5.10.bin")
    rows = (
        ("kinfo --help", ("--help",), "at most 4"),
        ("kinfo decode REGION (4 KiB)", ("decode", region), "at most 5"),
        ("kinfo decode REGION --format json", ("decode", region, "--format", "json"), "at most 5"),
        ("kinfo compare, two records", ("compare", region, str(SAMPLES / "ram-6.12.bin")), "at most 6"),
        ("kinfo find REGION", ("find", region), "none"),
    )
    bare = "python -c pass"
    commands = {name: (KINFO, *arguments) for name, arguments, _ in rows}
    found = alternating({bare: (sys.executable, "-c", "pass"), **commands}, 21)
    print(f"{bare + ', processor':<46}{found[bare] * 1e3:>9.1f} ms")
    for name, _, target in rows:
        row(name, found[name], bare, found[bare], target)


def library() -> None:
    for path in sorted(SAMPLES.glob("*.bin")):
        data = BytesDump(path.read_bytes())
        record = kinfo.decode(data)
        seconds = best(lambda data=data, at=record.offset: kinfo.decode(data, offset=at), 300)  # type: ignore[misc]
        target = "under 1 ms" if record.state.verified else "none: a flipped bit is traced"
        print(f"{'kinfo.decode of ' + path.name:<46}{seconds * 1e3:>9.2f} ms   {'':<28} target: {target}")


def many() -> None:
    """Records of a fleet in one call, against decoding them one by one and against unpacking their numbers."""
    from kinfo.examine.columns import decode_many

    layouts = [kinfo.layout(alias) for alias in ("A2", "A6", "C", "CR")]
    blobs = [record.ljust(4096, b"\0") for record in map(_sound, range(4096))]
    few = blobs[:200]

    def unpack() -> None:
        for at, blob in enumerate(blobs):
            layouts[at % 4].unpack(blob)

    def alone() -> None:
        for blob in few:
            _ = kinfo.decode(blob).findings

    decode_many(blobs)  # what is remembered is remembered
    seconds = {"unpack": best(unpack, 3) / len(blobs), "alone": best(alone, 2) / len(few)}
    seconds["with"] = best(lambda: decode_many(blobs), 3) / len(blobs)
    seconds["without"] = best(lambda: decode_many(blobs, findings=False), 3) / len(blobs)
    unpacked, alone_1000, with_1000, without_1000 = (1000 * one for one in seconds.values())
    row("decode, findings: 1,000 one by one", alone_1000, "struct.unpack", unpacked, "none")
    row("decode_many: 1,000 records", with_1000, "one by one", alone_1000, "20 ms")
    row("decode_many: 1,000 records", with_1000, "struct.unpack", unpacked, "20 ms")
    row("decode_many, no findings: 1,000 records", without_1000, "struct.unpack", unpacked, "6.7 ms")
    _survey(alone_1000)


def _survey(alone_1000: float) -> None:
    """The rows of a survey's table in memory, of a fleet's regions; one in a hundred is damaged, and read alone mostly."""
    try:
        import pyarrow as pa
    except ImportError:
        print("pyarrow is not installed: kinfo.survey.batch is not measured")
        return
    from kinfo.survey import batch

    for name, damaged in (("sound", 0.0), ("1 % damaged", 0.01)):
        regions = [fleet.region(number, damaged=damaged) for number in range(4 * 8192)]
        tables = [pa.table({"bytes": regions[start : start + 8192]}) for start in range(0, len(regions), 8192)]
        for one in tables[:-1]:
            batch(one)  # kernels that are seen for the first time
        seconds = best(lambda last=tables[-1]: batch(last), 3)  # type: ignore[misc]
        row(f"survey.batch: 1,000 of a fleet, {name}", 1000 * seconds / 8192, "one by one", alone_1000, "20 ms")


def _sound(number: int) -> bytes:
    """Sound records of four layouts, each of an image of its own."""
    sample = kinfo.decode(SAMPLES / ("pixel-5.10.bin" if number % 2 else "ram-6.12.bin"))
    assert sample.layout
    step = (number % 1000) << 21
    fields = {name: value for name, value in sample.values.items() if name not in ("magic_number", "combined_checksum")}
    moved = {
        name: value + step for name, value in fields.items() if name.endswith("_pa") and isinstance(value, int) and value
    }
    return kinfo.encode({**fields, **moved}, sample.layout)


def big_file(folder: str, mib: int) -> Path:
    """RAM-like: a third zero, some 0xff, the rest random; the record near the end."""
    path = Path(folder) / "ram"
    random_block = os.urandom(MIB)
    with path.open("wb") as file:
        for index in range(mib):
            place = index % 100
            file.write(bytes(MIB) if place < 35 else b"\xff" * MIB if place < 42 else random_block)
        file.seek((mib - 2) * MIB)
        file.write((SAMPLES / "pixel-5.10.bin").read_bytes())
    return path


def zeros(folder: Path) -> None:
    """A packed dump of zeros, unpacked as for every command, against the decompressor alone."""
    import zstandard

    from kinfo.memory.dump import open_dump
    from kinfo.sources import kinds
    from kinfo.sources.unpack import unpack

    path = folder / "zeros.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(bytes(512 * MIB)))

    def alone() -> None:
        with path.open("rb") as file:
            stream = zstandard.ZstdDecompressor().stream_reader(file)
            while stream.read(MIB):
                pass

    row(
        "512 MiB of zeros, unpacked",
        best(lambda: unpack(open_dump(path), kinds.ZSTD).close(), 5),
        "zstd",
        best(alone, 5),
        "2",
    )


def search(mib: int) -> None:
    if shutil.which("grep") is None:
        print("grep is not installed: the search is not measured")
        return
    os.environ["LC_ALL"] = "C"
    with tempfile.TemporaryDirectory() as folder:
        path = str(big_file(folder, mib))
        magic = r"\xff\xdd\xee\xcc"
        commands: dict[str, tuple[str | bytes, ...]] = {
            "grep -obUaP": ("grep", "-obUaP", magic, path),
            "grep -obUaF": ("grep", "-obUaF", b"\xff\xdd\xee\xcc", path),
            "pages": (KINFO, "find", path),
            "words": (KINFO, "find", path, "--step", "4"),
            "regions": (KINFO, "regions", path),
        }
        if rg := shutil.which("rg"):
            commands["rg"] = (rg, "-obUa", "(?-u)" + magic, path)
        found = alternating(commands, 7)
        for name in ("grep -obUaP", "grep -obUaF", *(["rg"] if rg else [])):
            print(f"{f'{name} over {mib} MiB, warm, processor':<46}{found[name] * 1e3:>9.1f} ms")
        row("kinfo find (pages)", found["pages"], "grep -obUaP", found["grep -obUaP"], "below 1")
        row("kinfo find --step 4", found["words"], "grep -obUaF", found["grep -obUaF"], "at most 1")
        if rg:
            row("kinfo find --step 4", found["words"], "rg", found["rg"], "at most 1.5")
        row("kinfo regions", found["regions"], "kinfo find --step 4", found["words"], "at most 1")
        zeros(Path(folder))
        for step in ("4096", "4"):
            peak = peak_mib(KINFO, "find", path, "--step", step)
            print(f"{f'peak memory of kinfo find --step {step}':<46}{peak:>9.1f} MiB")
