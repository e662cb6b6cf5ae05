"""Scripts for those who work on kinfo: what is derived, the shipped samples, the golden files."""
