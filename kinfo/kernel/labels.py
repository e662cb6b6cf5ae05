"""What is put behind an address in a text, kept for when it comes again."""

from __future__ import annotations

from kinfo.errors import KinfoError
from kinfo.kernel.calls import returned_to
from kinfo.kernel.naming import Naming
from kinfo.kernel.place import Namer
from kinfo.named import NamedTuple

ALONE = b"\n\r,;"  # behind an address: neither a tail nor a name can begin so
OPENING = b"<("  # a name before an address ends with it
_MOST = 1 << 16


class AddressLabel(NamedTuple):
    """What is put behind an address: as it is, and where it is one to return to; whether both are one."""

    plain: bytes
    returning: bytes
    is_one: bool


class Labels(dict[bytes, "bytes | None"]):
    """By an address as it is written, with the byte before and the byte behind it: what is put there.

    b"" where it has no name; None where what else stands there counts: `of` has the label then. What is not known yet is
    found, and kept.
    """

    def __init__(self, names: Namer) -> None:
        super().__init__()
        self._names, self._image = names, names.image
        self._kernel = names if isinstance(names, Naming) else None
        self._whole: dict[bytes, AddressLabel | None] = {}

    def __missing__(self, key: bytes) -> bytes | None:
        word, is_alone = key[1:-1], key[-1] in ALONE and key[0] not in OPENING
        plain = self._at_once(word) if is_alone else None
        if plain is None:
            label = self._whole.get(word) or self._label(word)
            if label is None:
                plain = b""
            elif is_alone and label.is_one and int(word, 16) not in self._image:  # a PA can be another register's number
                plain = label.plain
            else:
                self._keep(word, label)
        if len(self) >= _MOST:
            self.clear()
        self[key] = plain
        return plain

    def of(self, word: bytes) -> AddressLabel | None:
        """The label of an address, wherever it stands; None where it has no name."""
        if word not in self._whole:
            self._keep(word, self._label(word))
        return self._whole[word]

    def _keep(self, word: bytes, label: AddressLabel | None) -> None:
        if len(self._whole) >= _MOST:
            self._whole.clear()
        self._whole[word] = label

    def _at_once(self, word: bytes) -> bytes | None:
        """What is put behind an address within a symbol of the text: most are. None says nothing."""
        kernel, number = self._kernel, int(word, 16)
        if kernel is None or number not in kernel.image_vas:
            return None
        pa = number - kernel.image_vas.start + self._image.start
        found = kernel.kallsyms.nearest.within_text(pa)
        if found is None or found[1] == pa:
            return None
        name, start, size = found
        return b" <%b+%#x/%#x>" % (name.encode(), pa - start, size)

    def _label(self, word: bytes) -> AddressLabel | None:
        if (plain := self._at_once(word)) is not None:
            return AddressLabel(plain, plain, is_one=True)
        address = self._reading(int(word, 16), is_marked=word[1:2] in (b"x", b"X"))
        if address is None:
            return None
        try:
            place = self._names.at(address)
            before = returned_to(self._names, place, address) if place and not place.offset else None
        except KinfoError:
            return None
        if place is None:
            return None
        plain = f" <{place.label}>".encode()
        returning = f" <{before.label} or {place.label}>".encode() if before else plain
        return AddressLabel(plain, returning, before is None)

    def _reading(self, number: int, *, is_marked: bool) -> int | None:
        """The address that a number is."""
        if number in self._image and not self._names.is_virtual(number):
            return number if is_marked else None
        return self._names.unsigned(number)
