"""The shared-memory record: its layouts, checksum, detection, decoding, encoding, checks and search."""
