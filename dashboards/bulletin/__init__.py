"""The public bulletin: a static site of a release, in HTML and inline SVG, that needs no script and no server.

One page a city, district and indicator, with a glossary, whom to ask, downloads and corrections; each in Chinese and
English. It holds what a public edition may hold: figures, cards and the words of the release; no ranks, no record of data
quality, nothing below the card.
"""

from dashboards.bulletin.writing import write_bulletin, write_front

__all__ = ["write_bulletin", "write_front"]
