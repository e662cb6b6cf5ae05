"""Where tasks were: their call chains, out of their stacks."""
