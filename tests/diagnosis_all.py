"""All cases of the contract of symptoms, by symptom."""

from diagnosis_cases import CASES as PLAIN
from diagnosis_cases import joined
from diagnosis_checks import CHECKS
from diagnosis_edges import EDGES
from diagnosis_pins import PINS
from keras_lr.watch.diagnosis import QUESTIONS

NAMES = [question.name for question in QUESTIONS]
CASES = {
    name: joined(PLAIN.get(name), EDGES.get(name), PINS.get(name), CHECKS.get(name))
    for name in NAMES
}
