"""The Pixel vendor module debug-snapshot-debug-kinfo: the block in the second half of the region."""

from __future__ import annotations

from kinfo.errors import FieldError
from kinfo.writers import fillings
from kinfo.writers.model import Plan, Request


def plan(request: Request) -> Plan:
    """The vendor block of the layout's revision."""
    if request.build_info:
        raise FieldError("the vendor block has no build_info", "leave it out")
    facts = request.facts
    has_own = "vendor_release" in facts
    expression = "the release, with the vendor module's own commit in it" if has_own else "init_utsname()->release"
    root = "mod_tree" if facts.get("CONFIG_MODULES_TREE_LOOKUP") else "modules"
    found = fillings.pa(root, why="found by name in kallsyms: mod_tree with tree lookup, else modules")
    filled = {
        "uts_release": fillings.text("vendor_release" if has_own else "release", expression),
        "mod_root_pa": found._replace(facts=("CONFIG_MODULES_TREE_LOOKUP", *found.facts)),
        "names_total_len": fillings.number("names_total_len", "counted by walking kallsyms_names"),
        "suspend_diag_va": fillings.number("suspend_diag_va"),
        "va_bits": fillings.number("VA_BITS"),
        "page_offset": fillings.number("PAGE_OFFSET"),
        "page_end": fillings.number("PAGE_END"),
        "phys_offset": fillings.number("PHYS_OFFSET"),
        "kimage_voffset": fillings.number("kimage_voffset"),
    }
    return Plan(filled)
