"""The one exception of the CLI that is told to the user as it is."""


class Refusal(Exception):
    """What stands in the way, in one sentence for the user; `./simpul` shows it and exits with 1."""
