"""What the simulation finds."""


class Violation(AssertionError):
    """The world did something that the protocol forbids."""
