"""Nearest code by squared Euclidean distance, in blocks that stay in cache: no N x K matrix, no autograd, no one-hot.

|x - e|^2 = |x|^2 - 2 (x.e - |e|^2 / 2), and |x|^2 is the same for every code, so the nearest code has the largest
score x.e - |e|^2 / 2: one matrix product whose bias row is the halved norms.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Scores held at a time, in MiB. On a CPU what fits the cache is fastest; a GPU wants large products.
_CPU_MIB = 16.0
_GPU_MIB = 256.0
# The convolution's images, and the scores below which calling it costs more than it gains.
_GROUP = 16
_SMALL = 2**16
# Codes at a time in an exported graph, which knows how many codes there are and not how many tokens.
_EXPORTED_CODES = 8192
_ONEDNN = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def negative_half_norms(codes: Tensor) -> Tensor:
    """-|e|^2 / 2 of codes (..., K, D): (..., K)."""
    return codes.square().sum(-1).mul_(-0.5)


def nearest(x: Tensor, codes: Tensor, *, bias: Tensor | None = None, chunk_mib: float | None = None) -> Tensor:
    """The index of the nearest code of every token: argmin_k |x_n - e_k|^2, ties to the lowest index.

    (Scores that are equal; where K is so large that codes are searched in blocks, equal codes of two blocks may be rounded
    apart, within the bound below.)
    x (N, D) and codes (K, D) float32 -> (N,) int64. `bias` (K,) is `negative_half_norms(codes)`, where it is at hand.
    At most `chunk_mib` MiB of scores exist at a time (None: 16 on a CPU, 256 on a GPU).

    Exact up to the rounding of a float32 score: with u = 2^-24 the squared distance of the answer exceeds the smallest
    by at most 4 (D + 3) u max_k (|x||e_k| + |e_k|^2 / 2): each of the two scores compared is off by a quarter of that.
    """
    x, codes = x.detach(), codes.detach()
    bias = negative_half_norms(codes) if bias is None else bias.detach()
    if torch.compiler.is_exporting():
        return _over_codes(x, codes, bias, _EXPORTED_CODES)
    if chunk_mib is None:
        chunk_mib = _CPU_MIB if x.device.type == "cpu" else _GPU_MIB
    rows, columns = _block(len(x), len(codes), int(chunk_mib * 2**18))
    if rows >= len(x) and columns >= len(codes):
        return _best(_scores(x, codes, bias))[1]
    found = torch.empty(len(x), dtype=torch.int64, device=x.device)
    if columns >= len(codes):
        for start in range(0, len(x), rows):
            part = x[start : start + rows]
            found[start : start + rows] = _best(_scores(part, codes, bias))[1]
        return found
    for start in range(0, len(x), rows):
        found[start : start + rows] = _over_codes(x[start : start + rows], codes, bias, columns)
    return found


def _over_codes(x: Tensor, codes: Tensor, bias: Tensor, columns: int) -> Tensor:
    """The index of the nearest code of every token, (N,), by `columns` codes at a time."""
    best, where = _best(_scores(x, codes[:columns], bias[:columns]))
    for left in range(columns, len(codes), columns):
        right = left + columns
        score, index = _best(_scores(x, codes[left:right], bias[left:right]))
        # Strictly better only: a tie stays with the lower index.
        better = score > best
        best = torch.where(better, score, best)
        where = torch.where(better, index + left, where)
    return where


def _best(scores: Tensor) -> tuple[Tensor, Tensor]:
    """The largest score of each row (n, K) and the lowest index that has it.

    torch's argmax looks at one number at a time on a CPU, its amax at a whole vector: ten times faster. So the largest of every
    group of 64 or 128 neighbours first, then argmax among groups, then inside the one that won.
    """
    n, k = scores.shape
    width = 64 if k <= 2048 else 128
    if scores.device.type != "cpu" or k < 4 * width or torch.compiler.is_exporting():
        return scores.max(1)
    whole = k // width * width
    groups = scores[:, :whole].reshape(n, whole // width, width)
    best, group = groups.amax(2).max(1)
    inside = groups[torch.arange(n, device=scores.device), group].argmax(1)
    index = group.mul_(width).add_(inside)
    if whole == k:
        return best, index
    last, where = scores[:, whole:].max(1)
    better = last > best
    return torch.where(better, last, best), torch.where(better, where.add_(whole), index)


def _scores(x: Tensor, codes: Tensor, bias: Tensor) -> Tensor:
    """x.e + bias of tokens (n, D) and codes (K, D): (n, K).

    On a CPU as a 1x1 convolution, which oneDNN computes with the widest vectors that the processor has. The library behind
    addmm uses half of them on processors of another maker than its own: the convolution is 2.3 times faster there.
    """
    if torch.compiler.is_exporting():
        return torch.addmm(bias, x, codes.t())
    whole = len(x) // _GROUP * _GROUP
    small = whole == 0 or len(x) * len(codes) < _SMALL
    if small or x.device.type != "cpu" or x.dtype != torch.float32 or not _ONEDNN:
        return torch.addmm(bias, x, codes.t())
    # As images of n/16 x 1 pixels: sixteen images are what makes torch choose oneDNN, also with one thread.
    images = x[:whole].reshape(_GROUP, whole // _GROUP, 1, -1).permute(0, 3, 1, 2)
    found = F.conv2d(images, codes[:, :, None, None], bias).permute(0, 2, 3, 1).reshape(whole, len(codes))
    return found if whole == len(x) else torch.cat([found, torch.addmm(bias, x[whole:], codes.t())])


def _block(n: int, k: int, floats: int) -> tuple[int, int]:
    """Rows and codes of one block of at most `floats` scores; all codes at once as long as 256 rows of them fit."""
    floats = max(floats, 64)
    if n * k <= floats:
        return n, k
    if k * 256 <= floats:
        return min(n, max(64, min(floats // k, 1024 if floats <= 2**22 else floats // k))), k
    columns = min(k, max(8, int((4 * floats) ** 0.5) // 8 * 8))
    return min(n, max(1, floats // columns)), columns
