"""A labelling portal: runs labelling jobs without Ground Truth.

`labeling_job`, `assignments`, `documents` and `scripted` are pure. `cloud` calls AWS, `runner` runs one job, and
`rendering` and `server` serve the web pages.
"""
