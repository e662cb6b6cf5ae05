"""What an architecture fixes: its machine number, where the kernel's maps lie, what its image begins with. One file each."""

from __future__ import annotations
