"""The C header against decoding: cases, the program that puts them to it, and the comparison."""
