"""One core image out of the regions that a device gave, and the checks of such cores."""
