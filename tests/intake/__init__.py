"""Tests of the door: what comes in, what is turned back, and what never leaves a trace."""
