"""The tests of Netledger, one folder per level. Not part of the installed package."""
