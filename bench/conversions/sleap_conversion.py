"""sleap-io converts a folder in COCO's layout into COCO keypoints again; prints the CPU seconds that it takes."""

import sys
import time

import sleap_io

source, out = sys.argv[1:]
started = time.process_time()
labels = sleap_io.load_coco(f"{source}/annotations/person_keypoints_all.json", dataset_root=f"{source}/images/all")
sleap_io.save_coco(labels, f"{out}.json")
print(time.process_time() - started)
