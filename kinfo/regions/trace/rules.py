"""What can be found in trace buffers, and in the formats of their events."""

from __future__ import annotations

from kinfo.findings import Rule, Severity

_RING = "kernel/trace/ring_buffer.c"

META = Rule(
    "trace-meta",
    Severity.ERROR,
    "the metadata of a trace buffer are damaged",
    "the kernel throws such a buffer away at its next boot; here the rest of them and the records themselves are used",
    "take the dump again where the device still has it; compare what is shown with other traces of the boot",
    f"{_RING}: rb_meta_valid(), rb_cpu_meta_valid()",
)
ORDER = Rule(
    "trace-order",
    Severity.WARNING,
    "the metadata do not say in which order a CPU's sub-buffers were written",
    "they are put in the order of their time stamps; older ones that a reader had consumed are among them",
    "look at the first events of that CPU with care: they may have been read before",
    f"{_RING}: rb_meta_valid() refuses such a buffer",
)
SUBBUFFER = Rule(
    "trace-subbuffer",
    Severity.ERROR,
    "sub-buffers hold records that make no sense",
    "they are left out, with all of their events",
    "take the dump again where the device still has it; the events before and behind them are sound",
    f"{_RING}: rb_read_data_buffer(), rb_validate_buffer()",
)
CUT = Rule(
    "trace-cut",
    Severity.ERROR,
    "the dump lacks sub-buffers",
    "their events are not shown",
    "dump the whole region: its size is `reserve_mem=` on the kernel's command line, or what the metadata say",
    f"{_RING}: rb_range_meta_init()",
)
TIME = Rule(
    "trace-time",
    Severity.WARNING,
    "a sub-buffer begins before the one in front of it ends",
    "its events stand in the order of their own times",
    "look whether the trace clock was set while tracing, or whether memory of an older boot is among it",
    f"{_RING}: the time stamps of a CPU only grow",
)
LOST = Rule(
    "trace-lost",
    Severity.INFO,
    "events were lost before they could be read",
    "the ring was full, and the oldest or the newest events were thrown away",
    "give the trace more memory, or fewer events, the next time",
    f"{_RING}: overrun, dropped_events, RB_MISSED_EVENTS",
)
CONSUMED = Rule(
    "trace-consumed",
    Severity.INFO,
    "sub-buffers that a reader had consumed are still there",
    "they are older than the rest, and not shown",
    "add them with --consumed",
    f"{_RING}: rb_meta_validate_events(), which rewinds to them from 6.16 on",
)
PLACE = Rule(
    "trace-place",
    Severity.WARNING,
    "there is no trace buffer where the kernel was told to put one",
    "nothing of that instance can be shown",
    "check that the dump has the memory, that the tree is the device's, and that the kernel is 6.12 or newer",
    "kernel/trace/trace.c: enable_instances(), trace_instance=NAME@ADDRESS:SIZE",
)
HEAD = Rule(
    "trace-head",
    Severity.ERROR,
    "the head.dat is of another kernel build than the trace",
    "names, numbers of events and fields may be another event's",
    "make it on the same build with the same modules, loaded in the same order: `trace-cmd restore -c -o head.dat`",
    f"{_RING}: rb_meta_init_text_addr(), whose address the trace has",
)
MOVED = Rule(
    "trace-moved",
    Severity.INFO,
    "the trace is of another boot than the kernel whose names are used",
    "addresses of the kernel are named as that boot had them; those of modules stay numbers",
    "nothing to do; load the same modules in the same order, or numbers of events may differ",
    "kernel/trace/trace.c: trace_adjust_address()",
)
BOOT = Rule(
    "trace-boot",
    Severity.WARNING,
    "nothing tells whether the trace is of the boot whose symbols there are",
    "addresses of the kernel stay numbers",
    "make head.dat as root, with kptr_restrict at 0: its kallsyms then has addresses",
    f"{_RING}: rb_meta_init_text_addr(); kernel/trace/trace.c: struct trace_scratch",
)
FORMAT = Rule(
    "trace-format",
    Severity.WARNING,
    "how an event is printed is not understood",
    "what is not understood is shown as ?, or the event's fields are shown instead",
    "read the fields with --format json; the kernel's own code has what the format calls",
    "include/trace/stages/stage3_trace_output.h",
)
UNKNOWN = Rule(
    "trace-unknown",
    Severity.ERROR,
    "records are of events that no format is of, or shorter than their event",
    "they are shown as bytes",
    "the formats are of another kernel, or of one with other modules: make head.dat with the same modules loaded",
    "kernel/trace/trace_output.c: register_trace_event() counts the numbers up as modules are loaded",
)
INSTANCE = Rule(
    "trace-instance",
    Severity.ERROR,
    "a kernel's buffers, or its list of events, cannot be followed",
    "what lies behind the break is missing",
    "they were being changed, or memory is damaged: `kinfo lookup` says what the addresses belong to",
    "kernel/trace/trace.h: struct trace_array; include/linux/trace_events.h: struct trace_event_call",
)
RULES = (META, INSTANCE, SUBBUFFER, CUT, HEAD, UNKNOWN, ORDER, TIME, PLACE, BOOT, FORMAT, LOST, CONSUMED, MOVED)
