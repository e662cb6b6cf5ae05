"""Traces out of whatever holds them: persistent buffers in RAM or a region's file, a kernel's own; and their events."""

from __future__ import annotations

from kinfo.trace_source.events import EventsOf, events_of, said
from kinfo.trace_source.model import TraceBuffer, Traces
from kinfo.trace_source.open import open_traces

__all__ = ["EventsOf", "TraceBuffer", "Traces", "events_of", "open_traces", "said"]
