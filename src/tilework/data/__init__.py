"""Images in: sources, the frame store, splits and batches."""

from typing import TYPE_CHECKING, Any

from tilework.data.build import prepare
from tilework.data.catalogue.sets import DataSet, data_set
from tilework.data.catalogue.sets import add as add_data_set
from tilework.data.catalogue.sets import names as data_sets
from tilework.data.catalogue.sets import remove as remove_data_set
from tilework.data.contract import Item, SourceConfig, SplitSettings
from tilework.data.split.duplicates import Duplicates, duplicates
from tilework.data.split.leak import LeakReport, measure_leak
from tilework.data.split.sides import Split, split_by
from tilework.data.store.frame_store import FrameStore
from tilework.spec.paths import cache_folder

if TYPE_CHECKING:
    from tilework.data.batches import Batch, Batches

__all__ = [
    "Batch",
    "Batches",
    "DataSet",
    "Duplicates",
    "FrameStore",
    "Item",
    "LeakReport",
    "SourceConfig",
    "Split",
    "SplitSettings",
    "add_data_set",
    "cache_folder",
    "data_set",
    "data_sets",
    "duplicates",
    "measure_leak",
    "prepare",
    "remove_data_set",
    "split_by",
]


def __getattr__(name: str) -> Any:
    # Batches alone need torch: a spec that names a source is read, and images are prepared, without it.
    if name in {"Batch", "Batches"}:
        from tilework.data import batches

        return getattr(batches, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
