"""fiducial: a verified reference specification of the mathematics of deep learning and statistics.

Three packages make it up, and this one imports none of them, so that importing the specification never imports
what it judges:

- `fiducial.spec`         what is true: equations, proofs, enclosures;
- `fiducial.refimpl`      how it is computed: arrays in, arrays out;
- `fiducial.conformance`  who agrees: the suite, the pytest plugin, the command `fiducial`.
"""

__version__ = "0.1.0"
