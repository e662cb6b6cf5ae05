"""Pages in a browser: nothing overflows, nothing is said on the console, every text can be told from what is behind it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import kinfo
from kinfo.report.formats import Shown, as_html
from kinfo.report.survey import document
from kinfo.survey.run import survey_files
from tests.conftest import Cli
from tests.fdt import blob, board
from tests.kernels.tasks import world
from tests.synthetic import make_fields

BROWSER = shutil.which("chromium")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="chromium is not here: apt-get install chromium")
WIDTHS = (375, 1280, 1920)
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3

# Measures a page from outside of it, in frames of each width: the page itself may run nothing.
MEASURE = """<!doctype html><meta charset="utf-8"><body><script>
const rgb = text => text.match(/[\\d.]+/g).map(Number);
const part = value => (value /= 255) <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
const light = colour => .2126 * part(colour[0]) + .7152 * part(colour[1]) + .0722 * part(colour[2]);
function behind(element) {
  for (; element; element = element.parentElement) {
    const colour = rgb(getComputedStyle(element).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
}
async function measured(page_, width) {
  const frame = document.createElement('iframe');
  frame.width = width; frame.height = 900; frame.src = page_;
  document.body.append(frame);
  await new Promise(done => frame.onload = done);
  const page = frame.contentDocument, root = page.documentElement;
  page.querySelectorAll('details').forEach(one => one.open = true);
  let worst = [99, ''];
  for (const one of page.querySelectorAll('body *')) {
    if (![...one.childNodes].some(node => node.nodeType == 3 && node.data.trim()) || !one.getClientRects().length) continue;
    const style = frame.contentWindow.getComputedStyle(one);
    const values = [light(rgb(one.namespaceURI.includes('svg') ? style.fill : style.color)), light(behind(one))];
    const contrast = (Math.max(...values) + .05) / (Math.min(...values) + .05);
    if (contrast < worst[0]) worst = [contrast, one.tagName + ' ' + one.textContent.slice(0, 30)];
  }
  const texts = [...page.querySelectorAll('svg text')].map(one => one.getBoundingClientRect());
  const apart = texts.every((one, at) => !at || one.top >= texts[at - 1].bottom - 4);
  const drawing = page.querySelector('svg');
  const inside = !drawing || texts.every(one => one.right <= drawing.getBoundingClientRect().right + 1);
  const found = {page: page_, width, scroll: root.scrollWidth, client: root.clientWidth, worst, apart, inside};
  frame.remove();
  return found;
}
(async () => {
  const found = {dark: matchMedia('(prefers-color-scheme: dark)').matches, widths: []};
  for (const page of PAGES) for (const width of WIDTHS) found.widths.push(await measured(page, width));
  const out = document.createElement('pre');
  out.textContent = JSON.stringify(found);
  document.body.replaceChildren(out);
})();
</script>"""


def browsed(pages: Sequence[Path], *flags: str) -> tuple[dict[str, Any], list[str]]:
    """What the browser measured, and the lines on its console."""
    folder = pages[0].parent
    frames = folder / "frames.html"
    names = json.dumps([page.as_uri() for page in pages])
    frames.write_text(MEASURE.replace("PAGES", names).replace("WIDTHS", json.dumps(WIDTHS)))
    done = subprocess.run(
        [
            BROWSER or "", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            f"--user-data-dir={folder / 'profile'}",
            "--allow-file-access-from-files", "--disable-web-security", "--virtual-time-budget=60000",
            "--enable-logging=stderr", *flags, "--dump-dom", frames.as_uri(),
        ],
        capture_output=True, text=True, check=True, env=os.environ | {"HOME": str(folder)},
    )  # fmt: skip
    found = re.search(r"<pre>(.*?)</pre>", done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return json.loads(found[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")), [
        line for line in done.stderr.splitlines() if ":CONSOLE" in line
    ]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A kernel's page, one of a record and a board with texts of any length, and one of a survey's table with them."""
    folder = tmp_path_factory.mktemp("pages")
    world(running={0: 40}).kernel.write_elf(folder / "ram.elf")
    fields = make_fields("C", 1) | {"build_info": b"<script>console.error('ran')</script>" + b"W" * 200}
    (folder / "region.bin").write_bytes(kinfo.encode(fields, "C").ljust(4096, b"\0"))
    (folder / "board.dtb").write_bytes(blob(board("vendor,a-board-with-a-long-name" * 3)))
    made = {
        "kernel": kinfo.triage_page(folder / "ram.elf"),
        "record": kinfo.triage_page([folder / "region.bin", folder / "board.dtb"]),
    }
    for name, one in made.items():
        (folder / f"{name}.html").write_text(one.html)
    (folder / "survey.html").write_text(survey_page(folder, {**fields, "last_uts_release": b"6.12.1-" + b"W" * 57}))
    return {name: folder / f"{name}.html" for name in (*made, "survey")}


def survey_page(folder: Path, fields: dict[str, Any]) -> str:
    """Of a fleet with sound, damaged, contradicting and hostile records, and of one before."""
    (folder / "fleet").mkdir()
    usual = make_fields("C", 1)
    fleet = [usual, usual, usual, usual | {"thread_size": 0x8000}, fields, make_fields("C", 3)]
    for at, one in enumerate(fleet):
        (folder / "fleet" / f"{at}{'long name ' * 20}.bin").write_bytes(kinfo.encode(one, "C").ljust(4096, b"\0"))
    (folder / "fleet" / "damaged.bin").write_bytes(kinfo.encode(usual, "C")[:200] + b"\1" * 3896)
    survey_files([str(folder / "region.bin")], str(folder / "old.csv"))
    survey_files([str(folder / "fleet")], str(folder / "new.csv"))
    report = kinfo.survey_report(str(folder / "new.csv"), str(folder / "old.csv"))
    return "".join(as_html.parts(Shown(lambda: document(report))))


@pytest.mark.parametrize("is_dark", [False, True])
def test_pages_in_a_browser(pages: dict[str, Path], is_dark: bool) -> None:
    found, console = browsed([*pages.values()], *(("--blink-settings=preferredColorScheme=0",) if is_dark else ()))
    assert console == []
    assert found["dark"] is is_dark
    assert len(found["widths"]) == len(pages) * len(WIDTHS)
    for one in found["widths"]:
        assert one["scroll"] <= one["client"], one
        assert one["worst"][0] >= LEAST_CONTRAST, one
        assert one["apart"]
        assert one["inside"]


def test_a_page_with_a_fault_is_noticed(tmp_path: Path, pages: dict[str, Path]) -> None:
    """The measuring itself: a page that runs something, is too wide and too pale."""
    html = pages["record"].read_text()
    bad = re.sub(r'<meta http-equiv="Content-Security-Policy".*?>', "", html)
    bad = bad.replace("</main>", "<script>console.error('ran')</script><pre style='width:3000px;color:#eee'>x</pre></main>")
    (tmp_path / "bad.html").write_text(bad)
    found, console = browsed([tmp_path / "bad.html"])
    assert len(console) >= len(WIDTHS)
    assert all(one["scroll"] > one["client"] and one["worst"][0] < LEAST_CONTRAST for one in found["widths"])


def test_the_policy_stops_what_would_run(tmp_path: Path, pages: dict[str, Path]) -> None:
    html = pages["record"].read_text().replace("</main>", "<script>console.error('ran')</script></main>")
    (tmp_path / "bad.html").write_text(html)
    _, console = browsed([tmp_path / "bad.html"])
    assert console
    assert not any('"ran"' in line for line in console)


def test_the_command_writes_what_was_measured(tmp_path: Path, kinfo_cli: Cli, pages: dict[str, Path]) -> None:
    path = pages["kernel"].parent / "ram.elf"
    kinfo_cli("report", path, "-o", tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == pages["kernel"].read_text()
