"""An unknown export is read once, and what it seems to be is written down as a contract for a person to check."""
