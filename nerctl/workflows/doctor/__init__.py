"""`nerctl doctor`: whether a device can train, and what is missing where it cannot."""
