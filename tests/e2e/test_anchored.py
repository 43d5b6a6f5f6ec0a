"""An anchoring experiment in the portal, with the deployed functions and their roles."""

from __future__ import annotations

import json

from loop import SIZE, SKELETON, Loop, face

from truepoint.jobs.anchoring import Shares, treat
from truepoint.pose.instance import parse_instances
from truepoint.pose.skeleton import parse_skeleton

IMAGES = 12


def test_errors_made_on_purpose_are_in_no_label(loop: Loop) -> None:
    given = {f"{n}.png": (face(100 + 30 * n, 200),) for n in range(IMAGES)}
    sizes = dict.fromkeys(given, SIZE)
    skeleton = parse_skeleton(json.dumps(SKELETON))
    treated = treat(given, sizes, skeleton, "anchored", Shares(0.1, 0.5), seed="e2e5eed0" * 8)
    wrong = [name for name, shown in treated.prelabels.items() if shown != given[name]]
    assert len(wrong) > 2
    shown = {name: list(treated.prelabels.get(name, ())) for name in given}
    job = loop.job("anchored", images=IMAGES, prelabels=treated.prelabels, documents=treated.documents)
    loop.run(job, {"ada": shown})  # leaves everything as it is
    labels = {line["source-ref"].rpartition("/")[2]: line["keypoints"] for line in loop.output("anchored")}
    for name in wrong:
        [right], [label] = parse_instances(list(given[name])), parse_instances(labels[name]["updated_annotations"])
        assert label.by_label == right.by_label, name
    results = {key.rpartition("/")[2]: loop.read(key) for key in loop.keys("results/anchored/")}
    figures = json.loads(results["quality.json"])["anchoring"]
    assert (figures["wrong_stayed"]["count"], figures["wrong_stayed"]["n"]) == (len(wrong), len(wrong))
    coco = json.loads(results["coco.json"])
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    for annotation in coco["annotations"]:
        if names[annotation["image_id"]] in wrong:
            [right] = parse_instances(list(given[names[annotation["image_id"]]]))
            k = right.by_label["nose"]
            assert annotation["keypoints"][:3] == [k.x, k.y, k.visibility]
