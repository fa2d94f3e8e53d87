"""The pictures of the README, one file each, drawn from the files of results."""
