"""The loading of files that strangers wrote: exports as CSV, and the tables drafted for them."""
