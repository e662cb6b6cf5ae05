"""What kinfo.pyz begins with: first.py is its `__main__`, unpack.py its module `kinfo_start`; nothing imports them here."""
