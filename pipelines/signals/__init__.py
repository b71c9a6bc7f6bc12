"""Signals: what tells a change from the noise of a process, read off the figures of an edition. No counting, only published formulas."""
