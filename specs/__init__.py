"""The zoo: the papers' networks, each with the numbers that its paper printed."""
