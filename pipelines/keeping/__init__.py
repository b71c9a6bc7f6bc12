"""Keeping: what must outlive a machine goes into one file and comes back; what is not needed any more is removed."""
