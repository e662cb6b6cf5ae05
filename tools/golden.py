"""Write the golden folder of every layout anew: fields.json, record.bin and decoded.json under tests/golden/ALIAS/.

Run it by hand after a wanted change of the output, and read the diff: the tests hold what lies there.
"""

from __future__ import annotations

import json
from pathlib import Path

import kinfo
from kinfo.report.document import decoded
from tests.synthetic import make_fields

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"


def main() -> None:
    for layout in kinfo.layouts():
        folder = GOLDEN / layout.alias
        folder.mkdir(parents=True, exist_ok=True)
        fields_file = folder / "fields.json"
        if not fields_file.exists():
            fields_file.write_text(json.dumps(make_fields(layout.alias, 1), indent=1) + "\n")
        record = kinfo.encode(json.loads(fields_file.read_text()), layout)
        (folder / "record.bin").write_bytes(record)
        document = decoded("record.bin", [kinfo.decode(record)])
        (folder / "decoded.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
