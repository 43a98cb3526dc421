"""Text from outside, such as a file name, as it may be shown on a terminal."""


def printable(text: str, keep: str = "") -> str:
    """A text in which control characters, but for those to keep, are `?`.

    They could move the cursor, change the terminal's title, or split a line.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else "?" for c in text)
