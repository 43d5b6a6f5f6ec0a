"""A COCO evaluator (named first) reads coco.json, evaluates predictions, prints AP, AR and every image's OKS matrix."""

import contextlib
import importlib
import json
import sys

module, truth_file, predictions_file = sys.argv[1:]
with contextlib.redirect_stdout(sys.stderr):  # evaluators talk
    if module == "faster_coco_eval":
        from faster_coco_eval import COCO
        from faster_coco_eval import COCOeval_faster as COCOeval
    else:
        COCO = importlib.import_module(f"{module}.coco").COCO
        COCOeval = importlib.import_module(f"{module}.cocoeval").COCOeval
    import numpy

    truth = COCO(truth_file)
    [category] = truth.loadCats(truth.getCatIds())
    sigmas = numpy.array(category["sigmas"])
    predictions = truth.loadRes(predictions_file)
    if module == "xtcocotools":
        evaluation = COCOeval(truth, predictions, "keypoints", sigmas, use_area=True)
    else:
        evaluation = COCOeval(truth, predictions, "keypoints")
        evaluation.params.kpt_oks_sigmas = sigmas
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    matrices = {
        image: numpy.asarray(evaluation.computeOks(image, category["id"])).tolist() for image in truth.getImgIds()
    }
print(json.dumps({"stats": [float(value) for value in evaluation.stats[:10]], "oks": matrices}))
