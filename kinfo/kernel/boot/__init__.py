"""What can be told of one boot: banner, KASLR slide, configuration, clock, and what VMCOREINFO says of them."""
