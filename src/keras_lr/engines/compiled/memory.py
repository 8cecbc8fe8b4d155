"""Out of memory: how JAX says it, and what errors keep of it."""

import traceback


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device's memory was too small.

    >>> is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate"))
    True
    """
    told = str(error)
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError | ValueError)
        and ("RESOURCE_EXHAUSTED" in told or "Out of memory" in told)
    )


def without_frames(error: Exception) -> Exception:
    """The same error without the frames that it came through; what they say becomes a note of it.

    Frames hold the variables of their functions, so an error that is kept would keep a model that
    was half made, and its room on the device.
    """
    error.add_note("".join(traceback.format_exception(error)))
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
