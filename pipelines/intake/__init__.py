"""The door: export files in; typed lake, quarantine and ledger out. Personal data does not pass."""
