"""The inspect table of meminspect (formerly kmemdump): which regions a kernel registers, and where they lie."""
