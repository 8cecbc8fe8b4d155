"""Out of memory: how JAX says it."""


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
