"""What is true: operations as systems of index equations, and everything that follows from them.

from fiducial.spec import CATALOGUE, FORMATS, Call, gradients, values
call = Call(CATALOGUE["softmax"], (x,), {"axis": -1})
(answer,) = values(call, FORMATS["float32"])      # the exact values' enclosure, and the derived error bound
"""

from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.formats import FORMATS, Format
from fiducial.spec.oracle import Answer, Call, gradients, second_order, values, values_and_gradients
from fiducial.spec.prove import proofs

__all__ = [
    "CATALOGUE",
    "FORMATS",
    "Answer",
    "Call",
    "Format",
    "gradients",
    "proofs",
    "second_order",
    "values",
    "values_and_gradients",
]
