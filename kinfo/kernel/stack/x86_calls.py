"""Whether code of x86-64 ends with a call: what a return address must lie behind.

Intel's manual, volume 2: CALL is E8 rel32, or FF /2 with a register or an operand in memory. arch/x86 patches calls of static
calls and of ftrace in place while tasks sleep in them, into a NOP of five bytes, `xor %eax, %eax` with prefixes, or INT3.
"""

from __future__ import annotations

LONGEST = 8  # bytes of a call: a prefix, FF, ModRM, SIB, disp32
_NEAR, _GROUP, _CALL = 0xE8, 0xFF, 2
_PATCHED = (b"\x0f\x1f\x44\x00\x00", b"\x66\x66\x48\x31\xc0")  # text-patching.h, static_call.c
_INT3 = 0xCC


def ends_with_call(code: bytes) -> bool:
    """Whether the last bytes can be a call, or what the kernel puts in place of one; `code` has up to LONGEST of them."""
    if len(code) >= 5 and (code[-5] in (_NEAR, _INT3) or code[-5:] in _PATCHED):
        return True
    return any(_is_indirect(code[-size:]) for size in (2, 3, 4, 6, 7) if len(code) >= size)


def _is_indirect(code: bytes) -> bool:
    """Whether all of it is FF /2 (a prefix in front changes nothing)."""
    if code[0] != _GROUP or code[1] >> 3 & 7 != _CALL:
        return False
    mode, register = code[1] >> 6, code[1] & 7
    sib = int(mode != 3 and register == 4)
    wide = mode == 2 or (mode == 0 and (register == 5 or (sib and len(code) > 2 and code[2] & 7 == 5)))
    return len(code) == 2 + sib + (4 if wide else 1 if mode == 1 else 0)
