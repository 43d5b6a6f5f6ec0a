"""sleap-io reads four formats; prints, by format and image name, its instances as {keypoint: [x, y]}."""

import json
import math
import sys
from pathlib import Path

import sleap_io


def poses(labels):
    found = {}
    for frame in labels.labeled_frames:
        name = frame.video.filename
        name = name[frame.frame_idx] if isinstance(name, list) else name
        found[name] = [
            {
                node.name: [float(x), float(y)]
                for node, (x, y) in zip(instance.skeleton.nodes, instance.numpy(), strict=True)
                if not math.isnan(x)
            }
            for instance in frame.instances
        ]
    return found


def skeleton(labels):
    [one] = labels.skeletons
    return {"nodes": one.node_names, "edges": [list(pair) for pair in one.edge_inds]}


folder = Path(sys.argv[1])
coco = sleap_io.load_coco(str(folder / "results/coco.json"), dataset_root=str(folder / "exports/yolo/images/train"))
yolo = sleap_io.load_ultralytics(str(folder / "exports/yolo"))
studio = sleap_io.load_labelstudio(str(folder / "exports/labelstudio/tasks.json"))
dlc = sleap_io.load_dlc(str(next((folder / "exports/deeplabcut").rglob("*.csv"))))
found = {
    name: {"poses": poses(labels), "skeleton": skeleton(labels)}
    for name, labels in {"coco": coco, "yolo": yolo, "labelstudio": studio, "deeplabcut": dlc}.items()
}
print(json.dumps(found))
