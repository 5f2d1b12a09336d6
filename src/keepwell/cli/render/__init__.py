"""Results as text for a terminal, and as flat rows for files. Pure: nothing is read or written."""
