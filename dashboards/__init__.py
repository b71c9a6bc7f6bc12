"""The surfaces: they select rows of a release and word them. No arithmetic on figures happens here."""
