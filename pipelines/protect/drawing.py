"""Random rounding by cell key: unbiased, and the same cases give the same value wherever and whenever they are counted.

Published values are multiples of a base. A count between two of them goes up with a probability of its remainder over the
base, so that its expectation is the count itself (Statistics New Zealand, random rounding to base 3). The draw is not
random but a keyed digest of measure and cell key (Thompson, Broadfoot and Elazar 2013, cell keys), under a secret that is
never rotated.
"""

import hmac

DRAW_BITS = 64
KEY_SPACE = 1 << 63  # cell keys are added modulo this


def rounded_at_random(value: int, cell_key: int, measure: str, base: int, secret: bytes) -> int:
    """A count of 0 or more as one of the two multiples of `base` around it; a multiple stays as it is."""
    below, rest = divmod(value, base)
    if rest == 0:
        return value
    digest = hmac.digest(secret, f"{measure}|{cell_key}".encode(), "sha256")
    draw = int.from_bytes(digest[: DRAW_BITS // 8]) * base >> DRAW_BITS  # 0 to base - 1, all alike
    return base * (below + (draw < rest))
