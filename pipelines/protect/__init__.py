"""Protect: what may be published of the measures. The only room that knows the noise.

The exact cells are read from the warehouse and stay in memory; what leaves this room are published values, the intervals of
counts they may stand for, and the figures computed from them.
"""

from pipelines.protect.edition import Unprotected, build_public_edition

__all__ = ["Unprotected", "build_public_edition"]
