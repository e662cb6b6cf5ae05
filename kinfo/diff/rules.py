"""What a comparison can find."""

from __future__ import annotations

from kinfo.findings import Rule, Severity

_DOC = "docs/compare.md: the decision table"

REGRESSION = Rule(
    "compare-regression",
    Severity.ERROR,
    "a field differs, and neither boot, build nor writer explains it",
    "the boot loader reads another value than before",
    "look at what changed in the driver or the configuration; a wanted change goes into the baseline",
    _DOC,
)
NOT_ALLOWED = Rule(
    "compare-not-allowed",
    Severity.ERROR,
    "a field differs in a way that the policy does not let pass",
    "as the policy says",
    "mend the field, or change the policy",
    "--policy",
)
BYTES = Rule(
    "compare-bytes",
    Severity.ERROR,
    "the records are not the same bytes",
    "as asked for by --exact",
    "leave --exact out to see what the differences mean",
    "--exact",
)
UNSOUND = Rule(
    "compare-unsound",
    Severity.ERROR,
    "the new record has an error that the old one has not",
    "see the finding that is named",
    "run `kinfo decode` on the new record",
    "the checks of `kinfo decode`",
)
DOUBT = Rule(
    "compare-doubt",
    Severity.WARNING,
    "the new record has a warning that the old one has not",
    "see the finding that is named",
    "run `kinfo decode` on the new record; a wanted change goes into the baseline",
    "the checks of `kinfo decode`",
)
EXPECTED = Rule(
    "compare-expected",
    Severity.INFO,
    "a field differs, as expected",
    "none",
    "nothing to do",
    _DOC,
)
MISSING = Rule(
    "compare-missing",
    Severity.ERROR,
    "the new folder lacks a record of the old one",
    "the comparison says nothing about it",
    "check why it was not written, or remove it from the baseline",
    "a folder against a folder, by name",
)
EXTRA = Rule(
    "compare-extra",
    Severity.WARNING,
    "the new folder has a record that the old one lacks",
    "nothing guards it",
    "add it to the baseline: kinfo compare --update-baseline",
    "a folder against a folder, by name",
)
RULES = (REGRESSION, NOT_ALLOWED, BYTES, UNSOUND, DOUBT, EXPECTED, MISSING, EXTRA)
