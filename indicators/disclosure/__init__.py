"""Which groups of wearers may be shown, given all that was ever published."""
