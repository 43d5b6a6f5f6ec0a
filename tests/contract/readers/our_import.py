"""Our own import, where sleap-io, pandas and tables are; prints instances by image name, and the report.

Arguments: the labels, the skeleton, the images' names as a JSON object of sizes.
"""

import json
import sys
from pathlib import Path

from truepoint.jobs.prelabels import Choices, read_prelabels
from truepoint.pose.skeleton import parse_skeleton

labels, skeleton, sizes = sys.argv[1:]
found = read_prelabels(Path(labels), parse_skeleton(Path(skeleton).read_bytes()), json.loads(sizes), Choices())
print(json.dumps({"instances": found.instances, "report": found.report}))
