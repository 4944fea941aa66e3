"""Writes the network as an ONNX file: `python -m tools.bench.peers.programs.onnx_file FILE`.

Runs in the environment of the peers, which has the package `onnx`. The graph takes a standardised
window (1, 1, 2048) and returns the probabilities (1, 4).
"""

import sys
from importlib import resources

import onnx  # type: ignore[import-not-found]
from onnx import TensorProto, helper, numpy_helper

from bearing_stream.vocabulary import FAULT_LABELS, WINDOW_LENGTH
from model.weight_files import WEIGHTS_FILE
from model.weights import POOL, Weights

OPSET, IR_VERSION = 17, 8
"""Versions of the format that ONNX Runtime 1.20 reads."""


def write(file: str) -> None:
    """Write the graph with the shipped weights."""
    with resources.as_file(resources.files("assets")) as assets:
        weights = Weights.load(assets / WEIGHTS_FILE)
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Conv", ["window", "conv.weight", "conv.bias"], ["filtered"]),
            node("Tanh", ["filtered"], ["bounded"]),
            node("AveragePool", ["bounded"], ["pooled"], kernel_shape=[POOL], strides=[POOL]),
            node("Flatten", ["pooled"], ["features"]),
            node("Gemm", ["features", "fc.weight", "fc.bias"], ["logits"], transB=1),
            node("Softmax", ["logits"], ["probabilities"]),
        ],
        "network",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, [1, 1, WINDOW_LENGTH])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(FAULT_LABELS)])],
        [numpy_helper.from_array(array, name) for name, array in weights.arrays.items()],
    )
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, file)


if __name__ == "__main__":
    write(sys.argv[1])
