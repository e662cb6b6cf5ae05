"""`python -m kinfo`."""

from kinfo.cli.main import main

main()
