"""MMPose's CocoDataset reads the MMPose export with its metainfo; prints, by part and picture, its subjects."""

import contextlib
import json
import sys
from pathlib import Path

with contextlib.redirect_stdout(sys.stderr):
    from mmpose.datasets import CocoDataset

    root = Path(sys.argv[1]) / "mmpose"
    found = {}
    for part in ("train", "val"):
        dataset = CocoDataset(
            data_root=str(root),
            ann_file=f"annotations_{part}.json",
            data_prefix={"img": "images/"},
            metainfo={"from_file": str(root / "metainfo.py")},
            pipeline=[],
            test_mode=False,
        )
        found[part] = {}
        for place in range(len(dataset)):
            entry = dataset.get_data_info(place)
            path = Path(entry["img_path"])
            assert path.is_file(), path
            [box], [keypoints], [visible] = entry["bbox"], entry["keypoints"], entry["keypoints_visible"]
            name = path.relative_to(root / "images").as_posix()
            found[part].setdefault(name, []).append(
                {
                    "box": [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])],
                    "keypoints": [
                        [float(x), float(y), float(v if v.ndim == 0 else v[0])]
                        for (x, y), v in zip(keypoints, visible, strict=True)
                    ],
                }
            )
print(json.dumps(found))
