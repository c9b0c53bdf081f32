"""What the side-by-side run does not show: many connections, many rooms, balance, slow readers."""
