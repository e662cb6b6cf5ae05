"""`__main__` of kinfo.pyz: in words that any Python reads, as old as it may be, so that it can say that it is too old."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # these words are for those that are older
    version = ".".join(map(str, sys.version_info[:3]))
    sys.stderr.write("kinfo.pyz: needs Python 3.11 or newer, and " + sys.executable + " is " + version)
    sys.stderr.write("; start it with another, as in: python3.11 " + sys.argv[0] + "\n")
    sys.exit(2)

__import__("kinfo_start").run()
