"""From uploaded bytes to decoded sound, and from segments to the five response formats."""
