"""datumaro reads a folder in COCO's layout; prints, by image name, points, visibility, box and attributes."""

import json
import sys

from datumaro.components.annotation import AnnotationType
from datumaro.components.dataset import Dataset

data = Dataset.import_from(sys.argv[1], "coco_person_keypoints")
[label] = list(data.categories()[AnnotationType.points].items.items())
found = {}
for item in data:
    shapes = [a for a in item.annotations if a.type == AnnotationType.points]
    boxes = {a.group: a for a in item.annotations if a.type == AnnotationType.bbox}
    found[item.id] = [
        {
            "points": list(map(float, shape.points)),
            "visibility": [int(v) for v in shape.visibility],
            "box": list(map(float, boxes[shape.group].get_bbox())) if shape.group in boxes else None,
            "attributes": dict(shape.attributes.items()),
        }
        for shape in sorted(shapes, key=lambda shape: shape.id)
    ]
print(json.dumps({"images": found, "joints": sorted(map(list, label[1].joints)), "names": list(label[1].labels)}))
