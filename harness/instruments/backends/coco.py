"""The 80 object classes of COCO, in the order of every COCO detector's outputs.

A detector's class is its place in this list. Names stored in checkpoints are
never consulted: they differ between conversions, the order does not.
"""

from __future__ import annotations

from collections.abc import Sequence

from selfreward_eval.harness.errors import UsageError

# fmt: off
COCO_CLASSES = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase",
    "frisbee", "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard",
    "surfboard", "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl",
    "banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake",
    "chair", "couch", "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote",
    "keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock",
    "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)
# fmt: on

GENEVAL_NAMES = {
    "computer mouse": "mouse",
    "tv remote": "remote",
    "computer keyboard": "keyboard",
}
"""Names that GenEval uses for three of the classes."""


def coco_indices(labels: Sequence[str]) -> dict[int, str]:
    """Output index of a COCO detector -> the label that the task gave it.

    Raises:
        UsageError: a label is no COCO class, or two labels are the same one.
    """
    indices: dict[int, str] = {}
    for label in labels:
        name = GENEVAL_NAMES.get(label, label)
        if name not in COCO_CLASSES:
            raise UsageError(
                f"a COCO detector cannot find {label!r}; it knows 80 classes, see harness/instruments/coco.py"
            )
        index = COCO_CLASSES.index(name)
        if index in indices:
            raise UsageError(f"{indices[index]!r} and {label!r} are the same COCO class; ask for one of them")
        indices[index] = label
    return indices
