"""Creating labeling jobs, following them and fetching their results; imported by the scripts and by the portal."""
