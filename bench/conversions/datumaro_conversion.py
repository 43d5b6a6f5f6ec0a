"""Convert a folder in COCO's layout to COCO keypoints with datumaro, and print the CPU seconds."""

import sys
import time

from datumaro.components.dataset import Dataset

source, out = sys.argv[1:]
started = time.process_time()
Dataset.import_from(source, "coco_person_keypoints").export(out, "coco_person_keypoints", save_media=False)
print(time.process_time() - started)
