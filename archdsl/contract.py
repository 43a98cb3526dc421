"""The former name of `archdsl.output.records`, kept for one release."""

from archdsl.output.records import *  # noqa: F403
