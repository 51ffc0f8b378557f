"""The command line: a file per command, each turning what was typed into one call."""
