"""Make-believe exports with Chinese headers, as the source systems write them; no real person is in them, ever."""

from pipelines.demo.exports import generate
from pipelines.demo.people import IDENTIFIER_HEADERS, PERSONAL_HEADERS, TEXT_HEADERS

__all__ = ["IDENTIFIER_HEADERS", "PERSONAL_HEADERS", "TEXT_HEADERS", "generate"]
