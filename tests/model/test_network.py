"""The fast form gives the numbers of the defined one, to rounding."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.network import FastNetwork, Network
from model.scaling import standardise

pytestmark = pytest.mark.numeric


def random_network(seed: int, gain: float = 1.0) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Network()
    with torch.no_grad():
        network.conv.weight *= gain
    return network.eval()


def windows(rows: int, seed: int) -> torch.Tensor:
    return standardise(torch.randn(rows, 2048, generator=torch.Generator().manual_seed(seed)))


def test_it_has_the_weights_of_the_published_checkpoints() -> None:
    network = Network()
    assert sum(weight.numel() for weight in network.parameters()) == 1269
    assert {name: tuple(weight.shape) for name, weight in network.state_dict().items()} == {
        "conv.weight": (5, 1, 100),
        "conv.bias": (5,),
        "fc.weight": (4, 190),
        "fc.bias": (4,),
    }


@settings(deadline=None)
@given(rows=st.integers(0, 40), seed=st.integers(0, 2**31), gain=st.floats(0.1, 3))
def test_both_forms_agree_to_1e_6(rows: int, seed: int, gain: float) -> None:
    network, batch = random_network(seed, gain), windows(rows, seed)
    with torch.inference_mode():
        features = FastNetwork(network).features(batch) - network.features(batch)
        logits = FastNetwork(network)(batch) - network(batch)
    assert features.shape == (rows, 190)
    assert logits.shape == (rows, 4)
    # Relative to what float32 can hold of the arguments of tanh, which grow with the gain. Over 600
    # networks the features differ by 2.98e-7 at most, which is 5 units in the last place of a
    # number below 1: kernels that add in another order may need one more.
    bound = 1e-6 * max(gain, 1)
    assert features.abs().sum() == 0 or features.abs().max() <= bound
    assert logits.abs().sum() == 0 or logits.abs().max() <= bound


def test_features_are_ordered_by_filter() -> None:
    network = random_network(3)
    with torch.no_grad():
        for weights in network.conv.parameters():
            weights[2:] = 0
    features = FastNetwork(network).features(windows(1, 3))[0]
    assert features[: 2 * 38].abs().min() > 0
    torch.testing.assert_close(features[2 * 38 :], torch.zeros(3 * 38))


def test_the_fast_form_copies_the_weights() -> None:
    network = random_network(5)
    before = FastNetwork(network)(windows(2, 5))
    fast = FastNetwork(network)
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(1)
    # Weights that had changed by 1 would show; two runs of a product may differ in the last bit.
    torch.testing.assert_close(fast(windows(2, 5)), before, atol=1e-5, rtol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_gives_the_same_numbers() -> None:
    network, batch = random_network(1), windows(300, 1)
    with torch.inference_mode():
        there = FastNetwork(network).to("cuda")(batch.to("cuda")).cpu()
    torch.testing.assert_close(there, network(batch).detach(), atol=1e-5, rtol=0)
