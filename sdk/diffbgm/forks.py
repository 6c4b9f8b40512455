"""A fork after torch has computed leaves the child without torch's threads: what it computes there never ends.

Loading a model is enough for that. The child of such a fork is told so, instead of being left to wait (torch's limit,
see its "multiprocessing best practices").
"""

import os

from diffbgm.errors import InputError

_state = {"used": False, "forked": False}


def check_use() -> None:
    """Notes that torch computes in this process, and finds out whether it can.

    Raises:
        InputError: This process was forked from one that had computed before, on several threads or a GPU.
    """
    import torch

    if _state["forked"]:
        raise InputError(
            "this process was forked from one that had loaded the model, and torch cannot compute in it; start "
            "processes with multiprocessing.get_context('spawn'), or fork before the model is loaded"
        )
    _state["used"] = _state["used"] or torch.get_num_threads() > 1 or torch.cuda.is_initialized()


def _in_child() -> None:
    _state["forked"] = _state["forked"] or _state["used"]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
