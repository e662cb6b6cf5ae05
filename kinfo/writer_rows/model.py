"""The shape of a writer's row. It imports nothing of kinfo's but the series, so that every room can read it."""

from __future__ import annotations

from collections.abc import Mapping

from kinfo.named import NamedTuple
from kinfo.typed import Literal
from kinfo.writer_rows.series import Series


class TreeShape(NamedTuple):
    """The devicetree shape that the writer's driver binds: a profile of `verify-dt`.

    `on_region`: the compatible sits on the /reserved-memory child itself, not on a device node with memory-region. `probed`
    are the compatibles that the driver binds, `compatibles` those that its schema knows. `kernels` are the releases that
    carry the driver, or that it was posted against, of those whose boot is modelled (dt/boot/).
    """

    title: str
    on_region: bool
    compatibles: tuple[str, ...]
    probed: tuple[str, ...]
    kernels: tuple[tuple[int, int], ...]


class Posting(NamedTuple):
    """The plan of a driver that fills the record region by region.

    `regions` are those that its annotations register, in the order of their ids. `assigns_base_flag`: whether it sets
    enabled_base_relative. `base`: what it makes of kallsyms_relative_base: its value, its own place, or "" for a driver
    without the case. `info`: how build_info gets into the record: "stored" by each write to the parameter, "copied" once at
    probe, or "" where there is no such field. `sums_after_info`: whether a write to the parameter forms the sum anew.
    `is_sysname`: whether it takes the start of init_uts_ns ("Linux") for the release.
    """

    regions: tuple[str, ...]
    assigns_base_flag: bool
    base: Literal["value", "place", ""]
    info: Literal["stored", "copied", ""]
    sums_after_info: bool = False
    is_sysname: bool = False

    @property
    def stores_base(self) -> bool:
        """Whether `_relative_pa` can be other than 0: there is a case, and a region for it."""
        return bool(self.base) and "kallsyms_relative_base" in self.regions


class Gap(NamedTuple):
    """What the writer leaves 0, or stores wrong, in `field`: the reason of a difference, and the fact's source."""

    field: str
    text: str
    source: str


class WriterRow(NamedTuple):
    """One writer.

    `name` is the driver's (`build --driver`), `key` its short name in `crosscheck --upstream` and `verify-dt --profile`
    ("" for what is no posting of the series), `label` what a record is said to be left by, `title` one line on it. `posted`
    is a month ("2026-07"; "" for what ships). `layouts` are aliases, the one for current kernels first. `base` is the
    release (major, minor) in whose cycle it was posted, by the date (v2 names next-20260309, v3 next-20260707).
    `source` is where its code was read. `words` say by alias what is known of its release that writes the layout.
    """

    name: str
    key: str
    label: str
    title: str
    posted: str
    layouts: tuple[str, ...]
    base: tuple[int, int] | None
    source: str
    tree: TreeShape | None = None
    series: Series | None = None
    posting: Posting | None = None
    gaps: tuple[Gap, ...] = ()
    words: Mapping[str, str] = {}

    def wrote(self, alias: str) -> str:
        """Who writes a layout, for a reader: the label with what is known of this one, and of a posting what it lacks."""
        lacks = [gap.text if gap.field in gap.text else f"{gap.field}: {gap.text}" for gap in self.gaps]
        posted = [f" ({'; '.join([f'posted {self.posted}', *lacks])})"] if self.posted else []
        return "".join([self.label, *posted, self.words.get(alias, "")])

    @property
    def short(self) -> str:
        """The label without the series' name: "v3", "RFC v2"."""
        return self.label.partition(" ")[2]

    @property
    def is_rfc(self) -> bool:
        """Whether it was posted as a request for comments: less likely to have been run than what followed."""
        return self.short.startswith("RFC")
