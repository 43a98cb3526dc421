"""A declarative architecture language and compiler for convolutional networks.

>>> import archdsl
>>> archdsl.load("vgg16").params
138357544
"""

from archdsl.errors import ArchError
from archdsl.network import Network, load, loads

__all__ = ["ArchError", "Network", "load", "loads"]
__version__ = "0.2.0"
