"""Rules run over lists of values, as the tests of all of them do."""

from keras_lr.rules import Observation


def run(rule, values, rate=1.0, monitor=None, steps=1):
    """Show a rule one value an epoch; the decisions, and the rate before each epoch.

    Args:
        rule: The rule.
        values: Its metric, a value each epoch.
        rate: The rate before the first.
        monitor: The metric's name, if not the rule's.
        steps: Updates in an epoch.
    """
    state, decisions, rates = rule.start(), [], []
    for epoch, value in enumerate(values):
        rates.append(rate)
        seen = Observation((epoch + 1) * steps, epoch, {monitor or rule.monitor: value}, rate)
        state, decision = rule.update(state, seen)
        rate *= decision.factor
        decisions.append(decision)
    return decisions, rates


def cut_epochs(rule, values, **arguments):
    """The epochs at whose end a rule cut."""
    decisions, _ = run(rule, values, **arguments)
    return [epoch for epoch, decision in enumerate(decisions) if decision.factor != 1.0]
