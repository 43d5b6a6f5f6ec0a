"""DeepLabCut converts the table and makes a training set of the project; prints, by picture, its individuals."""

import contextlib
import json
import os
import sys
from pathlib import Path

os.environ["DLClight"] = "True"  # noqa: SIM112 (DeepLabCut's own spelling: no windows)
with contextlib.redirect_stdout(sys.stderr):
    import deeplabcut
    import pandas

    config = Path(sys.argv[1]) / "deeplabcut" / "config.yaml"
    deeplabcut.convertcsv2h5(str(config), userfeedback=False, scorer="truepoint")
    deeplabcut.create_multianimaltraining_dataset(str(config))
    [file] = config.parent.glob("training-datasets/**/CollectedData_truepoint.h5")
    table = pandas.read_hdf(file)
    found = {}
    for index, row in table.iterrows():
        individuals = [
            {
                name: [float(row[scorer, who, name, axis]) for axis in "xy"]
                for scorer, who, name, axis in row.index
                if who == individual and axis == "x" and not pandas.isna(row[scorer, who, name, axis])
            }
            for individual in dict.fromkeys(row.index.get_level_values("individuals"))
        ]
        found["/".join(index)] = [individual for individual in individuals if individual]
print(json.dumps(found))
