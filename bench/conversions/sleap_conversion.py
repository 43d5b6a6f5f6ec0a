"""Convert a folder in COCO's layout to COCO keypoints with sleap-io, and print the CPU seconds."""

import sys
import time

import sleap_io

source, out = sys.argv[1:]
started = time.process_time()
labels = sleap_io.load_coco(f"{source}/annotations/person_keypoints_all.json", dataset_root=f"{source}/images/all")
sleap_io.save_coco(labels, f"{out}.json")
print(time.process_time() - started)
