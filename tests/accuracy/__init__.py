"""How accurate the tool is: simulated movies through the whole chain and through each stage alone, against their truth.

`python -m tests.accuracy` from the repository's root; it is a benchmark and no part of the unit tests.
"""
