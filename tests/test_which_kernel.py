"""Which kernel is taken where records point at several: the one that ran; the others are named, and a draw is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import kinfo
from kinfo.errors import KinfoError
from kinfo.memory.registers import program_counters
from tests.conftest import Cli
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.pair import pair
from tests.kernels.tables import Symbol

SHOWN_HERE = {  # the rules that need more than one kernel, or a dump with registers; record-astray is in test_unrecorded
    "kernel-another-image",
    "kernel-draw",
    "kernel-not-live",
    "kernel-search-bound",
    "kernel-two-records",
    "kernel-record-astray",
    "kernel-part-missing",  # in test_core_only
}


def note(kernel: Kernel) -> str:
    return f"NUMBER(kimage_voffset)={kernel.voffset & (1 << 64) - 1:#x}\nSYMBOL(_stext)={kernel.va('text'):x}\n"


def break_modules(kernel: Kernel) -> None:
    head = kernel.find("modules")
    assert head.pa
    kernel.poke(head.pa, (0xFFFFFFC000000008).to_bytes(8, "little"))


def module_pc(kernel: Kernel) -> int:
    return next(one.va for one in kernel.module_symbols if one.name == "beta_read") + 8


NOW = 1795647000  # 2026-11-25 22:50:00 UTC
CLOCK_AT = 0xA4000  # of a test kernel's data, from _text
WAYS = ("a CPU in the image", "a CPU in a module", "the note", "the modules")
LOST = {
    WAYS[0]: "no CPU's program counter lies in it",
    WAYS[1]: "no CPU's program counter lies in it",
    WAYS[2]: "the VMCOREINFO note has other addresses",
    WAYS[3]: "its list of modules breaks off",
}


@pytest.mark.parametrize("lives_low", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_the_one_that_ran_is_taken(tmp_path: Path, kinfo_cli: Cli, way: str, lives_low: bool) -> None:
    low, high = pair()
    live, dead = (low, high) if lives_low else (high, low)
    path, info, pcs = tmp_path / "ram.elf", "", [0x400123, 0]  # user space, and a CPU that is off: they tell nothing
    if way == WAYS[3]:
        break_modules(dead)
    elif way == WAYS[2]:
        info = note(live)
    else:
        pcs.append(live.va("text") + 0x1234 if way == WAYS[0] else module_pc(live))
    live.write_elf(path, info=info, pcs=pcs)
    with kinfo.open_kernel(path) as kernel:
        assert kernel.record.address == live.record_pa
        assert [(one.pa, one.reason, one.is_same_kernel) for one in kernel.others] == [(dead.record_pa, LOST[way], False)]
    ran = kinfo_cli("info", path, "--format", "json")
    data = json.loads(ran.out)
    assert (ran.code, data["image"]["text"]) == (0, f"{live.spec.text:#x}")
    assert [one["pa"] for one in data["other_records"]] == [f"{dead.record_pa:#x}"]
    severity = "warning" if way == WAYS[3] else "info"  # what is left in memory alone is weaker
    assert [(one["code"], one["severity"]) for one in data["findings"]] == [("kernel-another-image", severity)]
    assert f"2 kernels are in this memory; took the one whose record is at PA {live.record_pa:#x}" in ran.err
    assert f"  other record    PA {dead.record_pa:#x}, layout C, of another kernel" in kinfo_cli("info", path).out
    name = kinfo_cli("lookup", path, f"{live.va('text'):#x}")
    assert (name.code, "T _stext+0x0/" in name.out) == (0, True)


def test_a_damaged_record_of_the_one_that_ran_is_not_passed_by(tmp_path: Path) -> None:
    low, high = pair()
    high.poke(high.record_pa + 200, bytes([high.peek(high.record_pa + 200, 1)[0] ^ 1]))
    high.write_elf(tmp_path / "ram.elf", pcs=[high.va("text")])
    with kinfo.open_kernel(tmp_path / "ram.elf") as kernel:
        assert (kernel.record.address, kernel.record.state.value) == (high.record_pa, "mismatch")
        assert [one.pa for one in kernel.others] == [low.record_pa]


@pytest.mark.parametrize("is_raw", [False, True])
@pytest.mark.parametrize("command", [("info",), ("symbols",), ("lookup", "_text"), ("debug", "--tool", "drgn")], ids=str)
def test_a_draw_is_said_with_the_choices(tmp_path: Path, kinfo_cli: Cli, command: tuple[str, ...], is_raw: bool) -> None:
    low, high = pair()
    path = tmp_path / "ram"
    (low.write_raw if is_raw else low.write_elf)(path)
    name, *rest = command
    tail = [rest.pop()] if name == "lookup" else []
    ran = kinfo_cli(name, path, *tail, *rest)
    base = f"{path}@0x80000000 " if is_raw else ""
    choices = " or ".join(
        f"{base}--kinfo {one.record_pa:#x} (6.12.1-test, image at PA {one.spec.text:#x} - {one.pa('end'):#x}, 3 modules)"
        for one in (low, high)
    )
    assert (ran.code, ran.out) == (2, "")
    message = f"kinfo: {path}: has 2 whole kernels, and nothing tells which one ran; choose one: {choices}\n"
    assert ran.err == message
    for one in (low, high):
        words = (f"{path}@0x80000000" if is_raw else str(path), "--kinfo", f"{one.record_pa:#x}")
        ran = kinfo_cli("lookup", words[0], f"{one.va('text'):#x}", *words[1:])
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith(f"VA {one.va('text'):#x}  PA {one.pa('text'):#x}  T _stext+0x0/")


def test_a_raw_dump_of_unknown_base_has_its_kernels_weighed_too(tmp_path: Path) -> None:
    low, high = pair()
    break_modules(low)
    low.write_raw(tmp_path / "ram")
    with kinfo.open_kernel(tmp_path / "ram") as kernel:
        assert (kernel.record.address, kernel.memory.segments[0].start) == (high.record_pa, high.base)
        assert [one.pa for one in kernel.others] == [low.record_pa]


class TestNamed:
    """--kinfo: the record that the user names, held against the memory."""

    def test_by_its_pa_the_dead_one_is_shown_with_a_word(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        low, high = pair()
        low.write_elf(tmp_path / "ram.elf", pcs=[high.va("text"), module_pc(high)])
        ran = kinfo_cli("info", tmp_path / "ram.elf", "--kinfo", f"{low.record_pa:#x}")
        assert (
            ran.code,
            "  warning kernel-not-live  registers: no CPU's program counter lies in this kernel" in ran.out,
        ) == (0, True)
        ran = kinfo_cli("lookup", tmp_path / "ram.elf", f"{low.va('text'):#x}", "--kinfo", f"{low.record_pa:#x}")
        assert ran.code == 0
        assert ran.err.startswith(
            "kinfo: kernel-not-live: no CPU's program counter lies in this kernel (image at PA 0x80210000"
        )

    @pytest.mark.parametrize("way", WAYS[:3])
    def test_a_file_of_another_boot_is_refused(self, tmp_path: Path, kinfo_cli: Cli, way: str) -> None:
        low, high = pair()
        (tmp_path / "old.bin").write_bytes(low.record)
        low.poke(low.record_pa, bytes(4096))
        pcs = {WAYS[0]: high.va("text"), WAYS[1]: module_pc(high)}
        low.write_elf(tmp_path / "ram.elf", pcs=[pcs[way]] if way in pcs else [], info="" if way in pcs else note(high))
        for words in (("info",), ("symbols",)):
            ran = kinfo_cli(*words, tmp_path / "ram.elf", "--kinfo", tmp_path / "old.bin")
            assert (ran.code, ran.out) == (2, "")
            assert ran.err.startswith(f"kinfo: the record that was named is not of the kernel that ran: {LOST[way]}; ")
            assert f"the memory's own record, at PA {high.record_pa:#x}, is of another one: " in ran.err
            assert ran.err.endswith("; leave --kinfo out (docs/ram.md says how to see the kernel of before all the same)\n")

    def test_a_file_of_the_one_that_ran_is_taken(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        low, high = pair()
        (tmp_path / "right.bin").write_bytes(high.record)
        low.write_elf(tmp_path / "ram.elf", pcs=[high.va("text")])
        ran = kinfo_cli("lookup", tmp_path / "ram.elf", f"{high.va('text'):#x}", "--kinfo", tmp_path / "right.bin")
        assert (ran.code, ran.err, "T _stext+0x0/" in ran.out) == (0, "", True)

    def test_a_draw_is_said(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        low, _ = pair()
        (tmp_path / "old.bin").write_bytes(low.record)
        low.poke(low.record_pa, bytes(4096))
        low.write_elf(tmp_path / "ram.elf")
        ran = kinfo_cli("info", tmp_path / "ram.elf", "--kinfo", tmp_path / "old.bin")
        assert ran.code == 0
        assert f"\n  warning kernel-draw  record: its image is at PA {low.spec.text:#x}; the memory's own record" in ran.out
        assert ran.err.startswith("kinfo: kernel-draw: its image is at PA ")
        assert kinfo_cli("info", tmp_path / "ram.elf", "--kinfo", tmp_path / "old.bin", "--strict").code == 1

    def test_no_cpu_in_its_kernel_and_no_other_record(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        low, high = pair()
        (tmp_path / "old.bin").write_bytes(low.record)
        for one in (low, high):
            one.poke(one.record_pa, bytes(4096))
        low.write_elf(tmp_path / "ram.elf", pcs=[high.va("text")])
        ran = kinfo_cli("info", tmp_path / "ram.elf", "--kinfo", tmp_path / "old.bin")
        assert ran.code == 1
        assert "\n  error   kernel-not-live  registers: no CPU's program counter lies in this kernel" in ran.out

    def test_a_record_with_the_addresses_of_another_boot(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        """The same image at the same PA, another slide: what the record says of VAs is not believed."""
        made = make(Spec("5.10.1", layout="A4"))
        (tmp_path / "old.bin").write_bytes(make(Spec("5.10.1", layout="A4", slide=0x1A400000)).record)
        made.write_elf(tmp_path / "ram.elf")
        ran = kinfo_cli("info", tmp_path / "ram.elf", "--kinfo", tmp_path / "old.bin", "--format", "json")
        data = json.loads(ran.out)
        assert (ran.code, data["virtual"]["kimage_voffset"]) == (1, f"{made.voffset & (1 << 64) - 1:#x}")
        found = {finding["code"]: finding["message"] for finding in data["findings"]}
        assert found["kernel-voffset"].startswith("the record's kimage_voffset gives ")
        assert "it differs in kimage_voffset" in found["kernel-two-records"]

    def test_a_record_of_an_earlier_boot_of_the_same_image(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        made = make()
        fields = kinfo.decode(made.record).fields | {"thread_size": 0x8000}
        (tmp_path / "old.bin").write_bytes(kinfo.encode(fields, "C"))
        made.write_elf(tmp_path / "ram.elf")
        ran = kinfo_cli("info", tmp_path / "ram.elf", "--kinfo", tmp_path / "old.bin")
        place = f"PA {made.record_pa:#x}"
        message = f"another record of this kernel is at {place}, layout C: it differs in thread_size"
        assert f"  warning kernel-two-records  {place}: {message}\n" in ran.out
        assert ran.code == 0


@pytest.mark.parametrize("arch", ["arm64", "x86", "arm"])
def test_no_cpu_in_the_only_kernel(tmp_path: Path, kinfo_cli: Cli, arch: str) -> None:
    made = make(Spec(arch=arch))
    elsewhere = made.va("text") + 0x10000000
    for pcs, is_elsewhere in (([elsewhere], True), ([elsewhere, made.va("text")], False), ([0x1000, 0], False), ([], False)):
        made.write_elf(tmp_path / "ram.elf", pcs=pcs, cls=32 if arch == "arm" else 64)
        with kinfo.open_kernel(tmp_path / "ram.elf") as kernel:
            assert program_counters(kernel.memory) == tuple(pcs)
        ran = kinfo_cli("info", tmp_path / "ram.elf")
        code = 1 if is_elsewhere else 0
        assert (ran.code, "kernel-not-live" in ran.out) == (code, code == 1)


class TestSearch:
    def foreign(self, count: int) -> list[bytes]:
        """Records, each different, of kernels that are not there."""
        fields = kinfo.decode(make(Spec(text_pa=0x80410000)).record).fields
        return [kinfo.encode(fields | {"symbol_len": 400 + index}, "C") for index in range(count)]

    @pytest.mark.parametrize("count", [1, 40])
    @pytest.mark.parametrize("shift", [0, 0x14])
    def test_foreign_records_hide_nothing(self, tmp_path: Path, count: int, shift: int) -> None:
        made = make(Spec(ram_size=16 << 20, text_pa=0x80810000))
        for index, record in enumerate(self.foreign(count)):
            made.poke(made.base + 0x1000 * index, record)
        made.poke(made.record_pa, bytes(4096))
        made.poke(made.record_pa + shift, made.record)
        made.write_elf(tmp_path / "ram.elf")
        with kinfo.open_kernel(tmp_path / "ram.elf") as kernel:
            assert (kernel.record.address, kernel.others) == (made.record_pa + shift, ())
        made.write_raw(tmp_path / "ram.bin")
        with kinfo.open_kernel(tmp_path / "ram.bin") as kernel:
            assert kernel.record.address == made.record_pa + shift

    def test_records_that_lead_nowhere_are_counted(self, tmp_path: Path) -> None:
        made = make()
        made.poke(made.record_pa, bytes(4096))
        for index, record in enumerate(self.foreign(3)):
            made.poke(made.base + 0x1000 * index, record)
        made.write_elf(tmp_path / "ram.elf")
        with pytest.raises(KinfoError, match=r"^none of 3 records leads to a kernel; the first: "):
            kinfo.open_kernel(tmp_path / "ram.elf")

    def test_the_bound_is_said(self, tmp_path: Path, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("kinfo.record.locate.MAX_MAGICS", 4)
        made = make(Spec(record_pa=0x80000000))
        for index in range(1, 9):
            made.poke(made.base + 0x1000 * index, bytes.fromhex("ffddeecc"))
        made.write_elf(tmp_path / "ram.elf")
        ran = kinfo_cli("info", tmp_path / "ram.elf")
        assert ran.code == 0
        assert "\n  warning kernel-search-bound  records: " in ran.out
        assert "more than 4 magics up to 0x80004000: records behind that were not looked at" in ran.out


class TestTwoRecordsOfOneKernel:
    @pytest.mark.parametrize("poor_first", [True, False])
    def test_the_one_that_tells_more_is_taken(self, tmp_path: Path, kinfo_cli: Cli, poor_first: bool) -> None:
        spec = Spec("5.10.1", keep_all=False, modules_by="list")
        rich, poor = make(spec), make(Spec("5.10.1", keep_all=False, layout="A0"))
        places = (rich.base, rich.record_pa) if poor_first else (rich.record_pa, rich.base)
        for place, record in zip(places, (poor.record, rich.record), strict=True):
            rich.poke(place, bytes(4096))
            rich.poke(place, record)
        rich.write_elf(tmp_path / "ram.elf")
        ran = kinfo_cli("info", tmp_path / "ram.elf", "--format", "json")
        data = json.loads(ran.out)
        assert (ran.code, data["record"]["layout"]) == (0, "debug-kinfo-module-range")
        assert len(data["modules"]) == 3
        assert [(one["pa"], one["layout"], one["is_same_kernel"], one["reason"]) for one in data["other_records"]] == [
            (f"{places[0]:#x}", "A0", True, "tells less")
        ]
        assert [(one["code"], one["severity"]) for one in data["findings"]] == [("kernel-two-records", "info")]

    def test_fields_that_differ_are_a_warning(self, tmp_path: Path) -> None:
        made = make()
        fields = kinfo.decode(made.record).fields | {"_markers_pa": 0, "thread_size": 0x8000, "symbol_len": 500}
        made.poke(made.base, kinfo.encode(fields | {"_markers_pa": made.addresses["markers"], "build_info": ""}, "C"))
        made.write_elf(tmp_path / "ram.elf")
        with kinfo.open_kernel(tmp_path / "ram.elf") as kernel:
            assert kernel.record.address == made.record_pa
            (found,) = kernel.findings
            assert (found.code, found.severity.value) == ("kernel-two-records", "warning")
            assert found.message.endswith("layout C: it differs in symbol_len, thread_size")

    def test_copies_are_not_named(self, tmp_path: Path) -> None:
        made = make()
        made.poke(made.base, made.record)
        made.write_elf(tmp_path / "ram.elf")
        with kinfo.open_kernel(tmp_path / "ram.elf") as kernel:
            assert (kernel.others, kernel.findings) == ((), ())


@pytest.mark.parametrize("is_raw", [False, True])
def test_no_kernel_among_those_that_were_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_raw: bool) -> None:
    """Where the bound was reached, a raw dump's base is not guessed by a record whose page table does not bear it out."""
    monkeypatch.setattr("kinfo.kernel.candidates._MOST_INFERRED", 4)
    monkeypatch.setattr("kinfo.record.locate.MAX_MAGICS", 8)
    made = make(Spec(ram_size=16 << 20, text_pa=0x80810000))
    for index, record in enumerate(TestSearch().foreign(10)):
        made.poke(made.base + 0x1000 * index, record)
    path = tmp_path / "ram"
    (made.write_raw if is_raw else made.write_elf)(path)
    with pytest.raises(KinfoError, match=r": no record that was tried leads to a kernel; .* were not ") as caught:
        kinfo.open_kernel(path)
    assert str(caught.value).endswith("; name the record with --kinfo, and raw memory as FILE@BASE")


def test_many_records_of_one_kernel_are_bounded(tmp_path: Path) -> None:
    made = make(Spec(ram_size=16 << 20))
    fields = kinfo.decode(made.record).fields
    for index in range(40):
        made.poke(made.base + 0x800000 + 0x1000 * index, kinfo.encode(fields | {"symbol_len": 400 + index}, "C"))
    made.write_elf(tmp_path / "ram.elf")
    with kinfo.open_kernel(tmp_path / "ram.elf") as kernel:
        assert len(kernel.others) == 15
        bounds = [finding.message for finding in kernel.findings if finding.code == "kernel-search-bound"]
        assert bounds == ["more than 16 records of one kernel: from 0x80810000 on none was compared"]


def test_an_inspect_table_of_several_kernels_is_not_guessed(tmp_path: Path, kinfo_cli: Cli) -> None:
    low, _ = pair()
    low.write_raw(tmp_path / "ram.raw")
    ran = kinfo_cli("table", f"{tmp_path / 'ram.raw'}@0x80000000")
    assert (ran.code, ran.out) == (2, "")
    assert "has 2 whole kernels, and nothing tells which one ran" in ran.err


class TestWallClock:
    """Of two boots the one with the later clock ran last, where both clocks were set, and the lists of modules agree."""

    def pair(self, low: int | None, high: int | None, *, apart: int = 0) -> tuple[Kernel, Kernel]:
        """Two kernels with these clocks (seconds); the two members of the timekeeper are `apart` seconds from each other."""
        found = pair(Spec(extra=[Symbol("tk_core", "b", CLOCK_AT)]))
        for kernel, seconds in zip(found, (low, high), strict=True):
            place = kernel.find("tk_core").pa
            assert place
            if seconds is not None:
                kernel.poke(place + 56, ((seconds + apart) * 10**9 + 5).to_bytes(8, "little"))  # tkr_mono.base_real
                kernel.poke(place + 120, seconds.to_bytes(8, "little"))  # xtime_sec
        return found

    @pytest.mark.parametrize("is_raw", [False, True])
    def test_the_later_one_is_taken(self, tmp_path: Path, kinfo_cli: Cli, is_raw: bool) -> None:
        for clocks in ((NOW, NOW + 17), (NOW + 17, NOW)):
            both = self.pair(*clocks)
            live, dead = both if clocks[0] > clocks[1] else both[::-1]
            (live.write_raw if is_raw else live.write_elf)(tmp_path / "ram")
            ran = kinfo_cli("info", tmp_path / "ram", "--format", "json")
            data = json.loads(ran.out)
            assert (ran.code, data["record"]["pa"]) == (0, f"{live.record_pa:#x}")
            (finding,) = data["findings"]
            assert (finding["code"], finding["severity"]) == ("kernel-another-image", "warning")
            assert "wall clock 2026-11-25 22:50:00 UTC" in finding["message"]
            assert finding["message"].endswith("; not taken: its wall clock is earlier")
            assert [one["pa"] for one in data["other_records"]] == [f"{dead.record_pa:#x}"]
            assert kinfo_cli("info", tmp_path / "ram", "--strict").code == 1

    @pytest.mark.parametrize(
        ("clocks", "apart"), [((NOW, NOW), 0), ((None, NOW), 0), ((5, 9), 0), ((NOW, NOW + 17), 60), ((NOW, 4200000000), 0)]
    )
    def test_clocks_that_tell_nothing(self, tmp_path: Path, clocks: tuple[int | None, int | None], apart: int) -> None:
        low, _ = self.pair(*clocks, apart=apart)
        low.write_raw(tmp_path / "ram")
        with pytest.raises(KinfoError, match="nothing tells which one ran"):
            kinfo.open_kernel(tmp_path / "ram")

    def test_modules_that_say_otherwise_make_it_a_draw(self, tmp_path: Path) -> None:
        low, high = self.pair(NOW, NOW + 17)
        break_modules(high)
        low.write_raw(tmp_path / "ram")
        with pytest.raises(KinfoError, match="nothing tells which one ran"):
            kinfo.open_kernel(tmp_path / "ram")
        low, high = self.pair(NOW, NOW + 17)
        break_modules(low)
        low.write_raw(tmp_path / "ram")
        with kinfo.open_kernel(tmp_path / "ram") as kernel:
            assert kernel.record.address == high.record_pa

    def test_a_file_of_the_earlier_one_is_an_error(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        low, _ = self.pair(NOW, NOW + 17)
        (tmp_path / "old.bin").write_bytes(low.record)
        low.poke(low.record_pa, bytes(4096))
        low.write_elf(tmp_path / "ram.elf")
        ran = kinfo_cli("info", tmp_path / "ram.elf", "--kinfo", tmp_path / "old.bin")
        assert ran.code == 1
        assert (
            "\n  error   kernel-not-live  record: its image is at PA 0x80210000; the memory's own record at PA 0x" in ran.out
        )
        assert "which seems to be the one that ran: its wall clock is the latest\n" in ran.out
        assert ran.err.startswith("kinfo: kernel-not-live: ")


def test_many_kernels_are_bounded(tmp_path: Path, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinfo.kernel.candidates._MOST_KERNELS", 1)
    low, high = pair()
    low.write_elf(tmp_path / "ram.elf", pcs=[low.va("text")])
    ran = kinfo_cli("info", tmp_path / "ram.elf", "--strict")
    assert ran.code == 1
    bound = f"more than 1 kernels: records from {high.record_pa:#x} on were not weighed"
    assert f"  warning kernel-search-bound  records: {bound}\n" in ran.out
    assert ran.err.startswith(f"kinfo: kernel-search-bound: {bound}; ")


OTHER_BUILD = "6.12.9-other"


@pytest.mark.parametrize("place", [0x807E0000, 0x807FF000])
@pytest.mark.parametrize("is_raw", [False, True])
def test_a_record_of_an_earlier_build_at_the_same_place_is_not_believed(
    tmp_path: Path, kinfo_cli: Cli, place: int, is_raw: bool
) -> None:
    """It leads to the same tables: the release that the kernel's own banner has tells which of the two is the kernel's."""
    kernel, earlier = make(Spec()), make(Spec(release=OTHER_BUILD))
    kernel.poke(place, earlier.record)
    path = tmp_path / "ram"
    (kernel.write_raw if is_raw else kernel.write_elf)(path)
    ran = kinfo_cli("info", path, "--format", "json")
    data = json.loads(ran.out)
    assert (ran.code, data["record"]["pa"], data["record"]["release"]) == (0, f"{kernel.record_pa:#x}", "6.12.1-test")
    assert [(one["pa"], one["release"]) for one in data["other_records"]] == [(f"{place:#x}", OTHER_BUILD)]
    assert [one["code"] for one in data["findings"]] == ["kernel-two-records"]


@pytest.mark.parametrize("command", [("symbols",), ("lookup", "_text"), ("info",)], ids=str)
@pytest.mark.parametrize("has_own", [False, True])
def test_a_record_of_another_build_beside_a_memory_is_said_by_every_command(
    tmp_path: Path, kinfo_cli: Cli, command: tuple[str, ...], has_own: bool
) -> None:
    kernel = make(Spec())
    (tmp_path / "record").write_bytes(make(Spec(release=OTHER_BUILD)).record)
    if not has_own:
        kernel.poke(kernel.record_pa, bytes(4096))
    kernel.write_elf(tmp_path / "ram.elf", pcs=[kernel.va("text")] if has_own else [])
    name, *rest = command
    ran = kinfo_cli(name, tmp_path / "ram.elf", *rest, "--kinfo", tmp_path / "record")
    said = f"kernel-another-boot: last_uts_release: the record says {OTHER_BUILD}, the memory 6.12.1-test; "
    assert (ran.code, ran.err.count("kernel-another-boot: the record says")) == (int(name == "info"), 1), said + ran.err
    (tmp_path / "record").write_bytes(kernel.record)
    ran = kinfo_cli(name, tmp_path / "ram.elf", *rest, "--kinfo", tmp_path / "record")
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize("command", [("symbols",), ("lookup", "_text"), ("info",)], ids=str)
def test_a_raw_dumps_base_is_not_taken_from_another_boots_record(
    tmp_path: Path, kinfo_cli: Cli, command: tuple[str, ...]
) -> None:
    """The tables are found all the same, 2 MiB away: the page table alone shows that the record is of another boot."""
    name, *rest = command
    kernel, moved = make(Spec()), make(Spec(text_pa=0x80410000))
    ram, other, own = (tmp_path / one for one in ("ram", "other", "own"))
    other.write_bytes(moved.record)
    own.write_bytes(kernel.record)
    kernel.write_raw(ram)
    ran = kinfo_cli(name, ram, *rest, "--kinfo", other)
    said = (
        f"kinfo: with the record that was named, {ram} would begin at PA 0x80200000, which the page table does not fit; with "
    )
    said += f"its own, at {kernel.record_pa - 0x80000000:#x} of it, it begins at PA 0x80000000, which it fits; "
    assert (ran.code, ran.out, ran.err) == (2, "", said + "the record is of another boot: leave --kinfo out\n")
    kernel.poke(kernel.record_pa, bytes(4096))  # and where it has none of its own
    kernel.write_raw(ram)
    doubt = f"kinfo: no page table bears out that {ram} begins at PA 0x80200000: with a record of another boot every PA "
    assert (
        doubt + f"would be wrong; write {ram}@BASE where the base is known\n"
        in kinfo_cli(name, ram, *rest, "--kinfo", other).err
    )
    ran = kinfo_cli(name, ram, *rest, "--kinfo", own)
    assert (ran.code, "bears out" in ran.err, "begins at PA 0x80000000" in ran.err) == (0, False, True)
