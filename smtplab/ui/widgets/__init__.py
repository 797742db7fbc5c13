"""One widget a file, with its style sheet beside it; the help that belongs to each is named by its `HELP`."""
