"""Creation of labelling jobs, their status and the download of their results, for the scripts and the portal."""
