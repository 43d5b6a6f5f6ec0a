"""supervision reads COCO and YOLO; prints, by format and image name, boxes as x1, y1, x2, y2."""

import json
import sys
from pathlib import Path

import supervision

folder = Path(sys.argv[1])
yolo = folder / "exports/yolo"
read = {
    "yolo": supervision.DetectionDataset.from_yolo(
        str(yolo / "images/train"), str(yolo / "labels/train"), str(yolo / "data.yaml")
    ),
    "coco": supervision.DetectionDataset.from_coco(str(yolo / "images/train"), str(folder / "results/coco.json")),
}
print(
    json.dumps(
        {
            name: {Path(path).name: found.xyxy.tolist() for path, found in data.annotations.items()}
            for name, data in read.items()
        }
    )
)
