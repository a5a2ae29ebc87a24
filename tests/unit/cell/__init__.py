"""The rules of a cell, one file a subject, in given-when-then."""
