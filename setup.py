"""Which packages to install; everything else is in pyproject.toml.

pyproject.toml can either discover packages or list them. Here both are needed: sub-packages of
archdsl/ are discovered, so that none is forgotten, and three folders at the top join them.
"""

from setuptools import find_packages, setup

TOP = ["archdsl.cli", "archdsl.grammar", "archdsl.specs"]

setup(packages=[*find_packages(include=["archdsl", "archdsl.*"]), *TOP])
