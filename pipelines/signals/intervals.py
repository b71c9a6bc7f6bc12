"""Intervals of figures, as SQL: releases carry it, so that figures computed on request get theirs too."""

from pathlib import Path

# All of `edition.indicators.figures`, with `low` and `high`.
INTERVALS = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
