"""Which lines begin a statement, taken from the keywords of the grammar.

A comma at the end of a line continues it on the next one, and tabs in lines make a table, but not
where the next line is a statement: `output p3, p4`, `let n = 2`.
"""

from __future__ import annotations

from archdsl.grammar import tables

# The keywords that may come first in a text, each a regex. A label `block:` is no reason to
# continue the line before it, so what tells the two apart is left out.
KEYWORDS = tuple(
    regex.replace(r"(?!\s*:)", "")
    for number, (name, regex, is_kept) in enumerate(tables.TERMINALS, 1)
    if number in tables.SHIFTS[0] and not is_kept and name != "_END"
)
# Attributes begin with these words too, `conv3-64,` + `padding same, stride 2`: a statement is a
# line of two words.
_ATTRIBUTES = r"(?:padding|shortcut|with)\b(?![ \t]+\w+[ \t]*(?:[\n;#]|\Z))"

BEGINS = rf"(?!{_ATTRIBUTES})(?:{'|'.join(KEYWORDS)})"
# A convention begins with any layer.
MEANS = r"[^\n#\"]*\bmeans\b"
