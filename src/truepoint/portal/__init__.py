"""Runs labelling jobs in Ground Truth's place: on a laptop today, as a labelling portal of our own later.

Pure: `labeling_job`, `layout`, `assignments`, `documents`, `scripted`. Around them: `cloud` (AWS), `runner` (one job),
`rendering` and `server` (web pages), `emulator` and `stack` (the stack on a laptop).
"""
