"""torchvision's CocoDetection reads the COCO export, with masks as its reference scripts decode them."""

import contextlib
import json
import sys
from pathlib import Path

from pycocotools import mask
from torchvision.datasets import CocoDetection

root = Path(sys.argv[1]) / "coco"
found = {}
for part in ("train", "val"):
    with contextlib.redirect_stdout(sys.stderr):
        dataset = CocoDetection(str(root / "images" / part), str(root / f"annotations/person_keypoints_{part}.json"))
    found[part] = {}
    for place, image_id in enumerate(dataset.ids):
        picture, annotations = dataset[place]
        width, height = picture.size
        # references/detection/coco_utils.py, convert_coco_poly_to_mask
        for annotation in annotations:
            assert mask.decode(mask.frPyObjects(annotation["segmentation"], height, width)).shape[:2] == (height, width)
        found[part][dataset.coco.loadImgs(image_id)[0]["file_name"]] = [
            {
                "box": annotation["bbox"],
                "keypoints": [annotation["keypoints"][i : i + 3] for i in range(0, len(annotation["keypoints"]), 3)],
            }
            for annotation in annotations
        ]
print(json.dumps(found))
