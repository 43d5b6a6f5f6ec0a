"""Ultralytics' own data set class reads the YOLO export; prints, by part and picture, its subjects in pixels."""

import contextlib
import json
import sys
from pathlib import Path

with contextlib.redirect_stdout(sys.stderr):
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    root = Path(sys.argv[1]) / "yolo"
    data = check_det_dataset(str(root / "data.yaml"), autodownload=False)
    found = {}
    for part in ("train", "val"):
        dataset = YOLODataset(img_path=data[part], data=data, task="pose", augment=False, cache=False)
        found[part] = {}
        for label in dataset.labels:
            height, width = label["shape"]
            path = Path(label["im_file"]).relative_to((root / "images" / part).resolve()).as_posix()
            found[part][path] = [
                {
                    "box": [cx * width, cy * height, w * width, h * height],
                    "keypoints": [[x * width, y * height, v] for x, y, v in keypoints],
                }
                for (cx, cy, w, h), keypoints in zip(label["bboxes"].tolist(), label["keypoints"].tolist(), strict=True)
            ]
print(json.dumps(found))
