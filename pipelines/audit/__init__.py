"""The audit: a public release attacked as an outsider would, who holds all public releases and knows how they are made.

It reads published values only. What the counts really are is used for nothing but to judge what an attack has found.
"""
