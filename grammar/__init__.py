"""The grammar of the language, as a file that reads as its documentation, and as a parse table."""
