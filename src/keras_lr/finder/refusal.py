"""What a finder says when nothing was learned: what was seen, and what to do next."""


def never_fell(low: float, high: float, start: float, end: float) -> str:
    """The reason, and the advice that fits it.

    Args:
        low: The lowest rate tried.
        high: The highest.
        start: The loss before any update.
        end: The lowest loss seen (smoothed or averaged).
    """
    tried = f"for rates from {low:.2g} to {high:.2g}"
    if end - start > 0.1 * abs(start):
        return (
            f"The loss never fell: it rose from {start:.4g} to {end:.4g} at best, {tried}; they are "
            f"too high. Try lower ones: learning_rates=({low / 1e4:.0e}, {low:.0e})."
        )
    higher = ""
    if high < 0.1:
        higher = f", or try higher rates: learning_rates=({high:.0e}, {high * 1e4:.0e})"
    return (
        f"The loss never fell: it went from {start:.4g} to {end:.4g} at best, within the noise of "
        f"its batches, {tried}. Check that the labels belong to the inputs, that the inputs are "
        f"scaled and that layers are trainable; try a larger batch_size{higher}."
    )
