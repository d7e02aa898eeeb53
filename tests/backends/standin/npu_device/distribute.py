"""Collectives over one card: values come back as they are."""

from __future__ import annotations

from npu_device.record import record

REDUCTIONS = ("mean", "max", "min", "prod", "sum")


def all_reduce(values, reduction="mean", fusion=1, fusion_id=-1, group="hccl_world_group"):
    """The values, reduced over the workers."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction {reduction}: one of {REDUCTIONS}")
    record("all_reduce", len(values) if isinstance(values, (list, tuple)) else 1, reduction)
    return values


def broadcast(values, root_rank=0, fusion=2, fusion_id=0, group="hccl_world_group"):
    """Variables as worker `root_rank` has them."""
    record("broadcast", root_rank)


def shard_and_rebatch_dataset(dataset, global_bs):
    """The worker's part of a dataset, and its batch size."""
    record("shard_and_rebatch_dataset", global_bs)
    return dataset, global_bs
