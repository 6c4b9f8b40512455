import torch

from diffbgm.composer.attention import Recall


def make(beats: int = 8) -> Recall:
    torch.manual_seed(0)
    recall = Recall(16, 8, 2, beats).eval().requires_grad_(False)
    for parameter in (recall.out.weight, recall.out.bias):
        parameter += torch.randn(parameter.shape)
    return recall


def test_it_brings_nothing_to_begin_with() -> None:
    recall = Recall(16, 8, 2, 8)
    h, tokens = torch.randn(1, 8, 32, 12), torch.randn(1, 8, 16)
    assert torch.equal(recall(h, tokens, torch.arange(8)), h)


def test_it_equals_a_naive_loop() -> None:
    recall = make()
    h, tokens, at = torch.randn(2, 8, 32, 12), torch.randn(2, 8, 16), torch.arange(8)
    moved = recall(h, tokens, at)
    pointers = recall.weights(tokens, at)  # [B, H, L, L]
    assert torch.allclose(pointers.sum(-1), torch.ones(2, 2, 8))
    values = recall.value(recall.norm(h))  # [B, H C, T, P], four steps a beat
    for piece in range(2):
        brought = torch.zeros(8, 32, 12)
        for channel in range(8):
            for beat in range(8):
                for other in range(8):
                    weight = pointers[piece, channel // 4, beat, other]
                    there = values[piece, channel, 4 * other : 4 * other + 4]
                    brought[channel, 4 * beat : 4 * beat + 4] += weight * there
        assert torch.allclose(moved[piece], h[piece] + recall.out(brought[None])[0], atol=1e-5)


def test_heads_first_look_a_few_bars_back_and_ahead() -> None:
    recall = Recall(16, 8, 8, 32)
    pointers = recall.weights(torch.zeros(1, 32, 16), torch.arange(32))[0]  # the tokens have no say yet
    for head, lag in enumerate(Recall.LAGS):
        assert pointers[head, 16].argmax() == min(max(16 + lag, 0), 31) or 16 + lag > 31


def test_a_note_is_heard_at_another_beat_and_its_own_place_there() -> None:
    recall = make()
    h, tokens = torch.zeros(1, 8, 32, 12), torch.randn(1, 8, 16)
    other = h.clone()
    other[0, :, 6, 5] = 3.0  # beat 1, its third sixteenth
    moved = (recall(other, tokens, torch.arange(8)) - recall(h, tokens, torch.arange(8)))[0].abs().sum(0)  # [T, P]
    there = moved[2::4, 5]  # every third sixteenth of a beat
    assert (there > moved[0::4, 5]).all()
    assert (there > 5 * moved[2::4, 4]).all()


def test_bars_of_three_beats_keep_the_lags_in_bars() -> None:
    recall = Recall(16, 8, 8, 32)
    pointers = recall.weights(torch.zeros(1, 24, 16), torch.arange(24) * (32 / 24))[0]
    for head, lag in enumerate(Recall.LAGS[:6]):  # 1, 2 and 4 bars back and ahead
        there = 12 + 3 * lag // 4
        if 0 <= there < 24:
            assert pointers[head, 12].argmax() == there
