"""Real kernels to read: stock Debian arm64 kernels booted under QEMU, dumped, with what they said about themselves.

`python -m tools.guests [NAME...]` makes the guests in a cache outside the tree. kinfo finds no fact here: what is in the
record comes from the guest's own /proc, its VMCOREINFO, BTF and config, and from vmlinux-to-elf. A guest's folder has

    ram.elf          all of its memory, physical, as an ELF core
    kinfo.bin        the record that a debug_kinfo driver would have left in it
    meta.json        what kernel it is, its addresses, and where each field of the record was found
    kallsyms.txt, modules.txt, iomem.txt, version.txt    its /proc, read after the modules were in, just before the dump
    dmesg.txt        its log as `dmesg -r` prints it, at the same time
    vmcoreinfo.txt   from the notes of its /proc/kcore
"""
