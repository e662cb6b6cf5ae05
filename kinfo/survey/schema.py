"""The columns of a survey's table: the one place that names them, with their types. The row of a record is in `rows`.

A field of a record has a column of its C name, of its own width, and empty where the record's layout has none of that name.
"""

from __future__ import annotations

from typing import NamedTuple

from kinfo.record.fields import NOTES
from kinfo.record.layouts import LAYOUTS
from kinfo.record.model import bits_of

VERSION = 1  # of the table; it changes when a column goes or means something else

TEXT, TEXTS, FLAG, TIME, NUMBERS = "text", "texts", "flag", "time", "u64s"
U8, U16, U32, U64 = "u8", "u16", "u32", "u64"
Cell = str | int | bool | list[str] | list[int] | None
TableRow = dict[str, Cell]


class SurveyColumn(NamedTuple):
    """One column: `kind` is text, texts (a list), flag, time (microseconds since 1970, UTC), u8 to u64 or u64s (a list)."""

    name: str
    kind: str
    meaning: str


OF_FILE = (
    SurveyColumn("source", TEXT, "the file, as it can be opened"),
    SurveyColumn("file_size", U64, "its size in bytes, as it lies there (packed, where it is)"),
    SurveyColumn("modified", TIME, "when it was last written"),
    SurveyColumn("settled", FLAG, "whether size and time tell it from a later state: two seconds old when it was read"),
)
OF_RECORD = (
    SurveyColumn("kind", TEXT, "record, vendor (a vendor block), erased (a region of one byte value), none, unread"),
    SurveyColumn("reason", TEXT, "why there is no record: what was found instead, or why the file cannot be read"),
    SurveyColumn("offset", U64, "where the record begins; in containers with addresses that is its PA"),
    SurveyColumn("address", U64, "its PA, where the file's base is known"),
    SurveyColumn("layout", TEXT, "the layout's alias, as `kinfo layouts` lists them"),
    SurveyColumn("layout_name", TEXT, "the layout's name"),
    SurveyColumn("confidence", TEXT, "how sure the layout is: certain, likely, ambiguous"),
    SurveyColumn("rivals", TEXTS, "aliases of the layouts that cannot be ruled out"),
    SurveyColumn("state", TEXT, "the checksum's state: valid, inverted, mismatch, not-written, erased"),
    SurveyColumn("computed_checksum", U32, "the sum over the body (combined_checksum is the stored one)"),
    SurveyColumn("size", U32, "bytes of the record"),
    SurveyColumn("truncated", FLAG, "whether the file ends inside the record"),
    SurveyColumn("sha256", TEXT, "SHA-256 of the record's bytes"),
    SurveyColumn("writers", TEXTS, "the drivers that can have written it, likeliest first"),
    SurveyColumn("findings", TEXTS, "codes of what is wrong with it, the gravest first, each once"),
    SurveyColumn("severity", TEXT, "the worst of them: error, warning, info"),
    SurveyColumn("release", TEXT, "the kernel's release, escaped"),
    SurveyColumn("version", TEXT, "its MAJOR.MINOR"),
    SurveyColumn("patch_level", U32, "the third number of the release"),
    SurveyColumn("android_release", U16, "N of -androidN- in the release"),
    SurveyColumn("kmi_generation", U16, "the number behind that: the generation of the kernel module interface"),
    SurveyColumn("commit", TEXT, "what follows -g: the commit that it was built from"),
    SurveyColumn("kernel_build", TEXT, "what follows -ab: the number of the build"),
    SurveyColumn("brand", TEXT, "of build_info, which is BRAND/PRODUCT/DEVICE:RELEASE/ID/INCREMENTAL:TYPE/TAGS"),
    SurveyColumn("product", TEXT, "likewise"),
    SurveyColumn("device", TEXT, "likewise"),
    SurveyColumn("os_release", TEXT, "the RELEASE of build_info: Android's"),
    SurveyColumn("build_id", TEXT, "the ID of build_info"),
    SurveyColumn("incremental", TEXT, "the INCREMENTAL of build_info"),
    SurveyColumn("build_type", TEXT, "the TYPE of build_info"),
    SurveyColumn("build_tags", TEXT, "the TAGS of build_info"),
    SurveyColumn("image_start", U64, "where the kernel image begins (PA; VA in Z0), where its borders make sense"),
    SurveyColumn("image_size", U64, "bytes from there to its end"),
    SurveyColumn("names_size", U64, "bytes from kallsyms_names to kallsyms_markers, where they lie in this order"),
    SurveyColumn("token_table_size", U64, "bytes from kallsyms_token_table to kallsyms_token_index, likewise"),
    SurveyColumn("tables_span", U64, "bytes from the first to the last of the kallsyms tables"),
)


def _of_fields() -> tuple[SurveyColumn, ...]:
    arrays = {field.name for layout in LAYOUTS for field in layout.fields if field.elements}
    names = dict.fromkeys(field.name for layout in LAYOUTS for field in layout.fields)
    found = []
    for name in names:
        kind = f"u{bits_of(name)}" if bits_of(name) else TEXT
        found.append(SurveyColumn(name, f"{kind}s" if name in arrays else kind, NOTES[name].meaning))
    return tuple(found)


OF_FIELDS = _of_fields()
COLUMNS = (*OF_FILE, *OF_RECORD, *OF_FIELDS)
BY_NAME = {column.name: column for column in COLUMNS}
EMPTY: TableRow = dict.fromkeys(BY_NAME) | {column.name: [] for column in OF_RECORD if column.kind == TEXTS}
