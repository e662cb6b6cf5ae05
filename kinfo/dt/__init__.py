"""The devicetree side: trees out of whatever holds them, and whether a tree gives the kinfo driver its memory."""
