"""Pure functions, given-when-then, milliseconds each."""
