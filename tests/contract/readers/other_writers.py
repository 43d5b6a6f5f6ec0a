"""Other projects write labels and predictions: SLEAP's through sleap-io, DeepLabCut's HDF5 through pandas."""

import json
import sys
from pathlib import Path

import numpy
import pandas
import sleap_io
from PIL import Image

folder = Path(sys.argv[1])

skeleton = sleap_io.Skeleton(["nose", "left_eye"], edges=[(0, 1)], name="face")
video = sleap_io.Video("walk.mp4", backend_metadata={"shape": [20, 480, 640, 3]}, open_backend=False)
track = sleap_io.Track("Ann")
predicted = sleap_io.PredictedInstance.from_numpy(
    numpy.array([[1.25, 2.5], [3.0, 4.0]]), skeleton=skeleton, point_scores=numpy.array([0.1, numpy.nan]), score=0.8
)
replaced = sleap_io.PredictedInstance.from_numpy(
    numpy.array([[9.0, 9.0], [9.0, 9.0]]), skeleton=skeleton, point_scores=numpy.array([0.5, 0.5]), score=0.5
)
own = sleap_io.Instance.from_numpy(numpy.array([[5.0, 6.0], [numpy.nan, numpy.nan]]), skeleton=skeleton, track=track)
own.from_predicted = replaced
frames = [
    sleap_io.LabeledFrame(video=video, frame_idx=3, instances=[predicted]),
    sleap_io.LabeledFrame(video=video, frame_idx=12, instances=[replaced, own]),
]
project = sleap_io.Labels(labeled_frames=frames, videos=[video], skeletons=[skeleton], tracks=[track])
sleap_io.save_slp(project, str(folder / "project.slp"), embed=False, verbose=False)

# A package: SLEAP copies the frames into the file, and remembers where they came from.
for name in ("img3.png", "img12.png"):
    Image.new("RGB", (640, 480)).save(folder / name)
images = sleap_io.Video.from_filename([str(folder / "img3.png"), str(folder / "img12.png")])
own = sleap_io.Instance.from_numpy(numpy.array([[5.0, 6.0], [7.0, 8.0]]), skeleton=skeleton)
frames = [sleap_io.LabeledFrame(video=images, frame_idx=1, instances=[own])]
package = sleap_io.Labels(labeled_frames=frames, videos=[images], skeletons=[skeleton])
sleap_io.save_slp(package, str(folder / "project.pkg.slp"), embed="user", verbose=False)

columns = pandas.MultiIndex.from_product(
    [["me"], ["individual1"], ["nose", "left_eye"], ["x", "y"]], names=["scorer", "individuals", "bodyparts", "coords"]
)
index = pandas.MultiIndex.from_tuples([("labeled-data", "walk", "img3.png"), ("labeled-data", "walk", "img12.png")])
table = pandas.DataFrame([[1.25, 2.5, numpy.nan, numpy.nan], [5.0, 6.0, 0.1, 0.2]], index=index, columns=columns)
table.to_hdf(folder / "CollectedData_me.h5", key="df_with_missing", mode="w")
print(json.dumps([str(file) for file in folder.iterdir()]))
