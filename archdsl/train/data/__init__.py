"""The data that networks are trained on.

A data set is a class in a file of `sets/`; `name.py` reads how recipes and options name one, and
`reading.py` reads its images. `pipeline.py` makes batches of them. `name.py` and the classes need
no torch until a data set is read.
"""

from archdsl.train.data.name import DataName

__all__ = ["DataName"]
