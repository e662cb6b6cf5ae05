"""Write the golden folder of every layout anew in tests/golden/ALIAS/: fields, record, what it decodes to, and evidence.

Run it by hand after a wanted change of the output, and read the diff: the tests hold what lies there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import kinfo
from kinfo.errors import KinfoError
from kinfo.report.document import decoded
from tests.evidence_shown import shown
from tests.synthetic import make_fields

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"


def main() -> None:
    """Raises SystemExit for fields that their layout does not take, and LookupError for a layout without fields."""
    for layout in kinfo.layouts():
        folder = GOLDEN / layout.alias
        fields_file = folder / "fields.json"
        is_new = not fields_file.exists()
        text = json.dumps(make_fields(layout.alias, 1), indent=1) + "\n" if is_new else fields_file.read_text()
        try:
            record = kinfo.encode(json.loads(text), layout)
        except KinfoError as error:  # old fields, a new struct
            sys.exit(f"golden: {fields_file}: {error}; where the struct has changed, remove this folder and run it again")
        folder.mkdir(parents=True, exist_ok=True)  # only now: fields that do not encode would stay for the next run
        fields_file.write_text(text)
        (folder / "record.bin").write_bytes(record)
        document = decoded("record.bin", [kinfo.decode(record)])
        (folder / "decoded.json").write_text(json.dumps(document, indent=1) + "\n")
        (folder / "evidence.txt").write_text(shown(record, layout))


if __name__ == "__main__":
    try:
        main()
    except LookupError as lacking:  # a layout that is not whole yet
        sys.exit(f"golden: {lacking.args[0]}")
