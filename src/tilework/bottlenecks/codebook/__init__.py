"""Learnt codebooks: nearest-code search, how codes learn, the k-means start, revival of dead codes, gradients."""

from tilework.bottlenecks.codebook.book import Codebook
from tilework.bottlenecks.codebook.gradients import rotation, straight_through
from tilework.bottlenecks.codebook.revival import Revival
from tilework.bottlenecks.codebook.search import nearest
from tilework.bottlenecks.codebook.start import kmeans

__all__ = ["Codebook", "Revival", "kmeans", "nearest", "rotation", "straight_through"]
