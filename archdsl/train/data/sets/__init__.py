"""Every data set, one class each. Importing the package registers them all.

A data set is registered because its module is in this folder; no other list names it.
"""

import os
from importlib import import_module

for _file in sorted(os.listdir(__path__[0])):
    if _file.endswith(".py") and _file != "__init__.py":
        import_module(f"{__name__}.{_file[:-3]}")
