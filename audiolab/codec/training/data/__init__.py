"""Where training audio comes from: rendered sets, folders of files, and what is done to them."""
