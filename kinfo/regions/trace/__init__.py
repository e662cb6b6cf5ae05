"""The persistent ring buffer of ftrace: a trace that outlives its kernel (CONFIG_RING_BUFFER, `trace_instance=NAME@...`)."""
