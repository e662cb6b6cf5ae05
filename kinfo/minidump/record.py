"""A record as a witness: PAs of symbols that a table has as regions."""

from __future__ import annotations

import os

from kinfo.errors import KinfoError
from kinfo.memory import Memory
from kinfo.record import locate
from kinfo.sources import open_file

_SYMBOLS = {
    **{f"{name}_pa": name for name in ("_text", "_stext", "_etext", "_sinittext", "_einittext", "_end", "swapper_pg_dir")},
    **{f"_{name}_pa": f"kallsyms_{name}" for name in ("offsets", "names", "token_table", "token_index", "markers")},
    "_seqs_of_names_pa": "kallsyms_seqs_of_names",
}


def symbol_pas(kinfo: str) -> dict[str, int]:
    """PAs by symbol, out of a file with a record. Raises KinfoError.

    A PA leads nowhere: the record's memory is reserved, and no posting registers it as a region.
    """
    if not os.path.exists(kinfo):
        what = f"--kinfo {kinfo}: is no file, and no region holds the record: it lies in reserved memory, outside the table"
        raise KinfoError(what, "name a file with it: kinfo read RAM pa:0x... 4096 -o record.bin writes one")
    with open_file(kinfo) as file:
        held = file.memory()
        source = held.as_dump if isinstance(held, Memory) else held
        record = locate.locate(source, base=0 if isinstance(held, Memory) else None)[0]
    found = {symbol: record.values.get(field) for field, symbol in _SYMBOLS.items()}
    return {symbol: pa for symbol, pa in found.items() if isinstance(pa, int) and pa}
