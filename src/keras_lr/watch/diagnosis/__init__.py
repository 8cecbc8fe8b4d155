"""Diagnosis: what a finished run shows about its learning rate, with evidence and advice."""

from keras_lr.watch.diagnosis.diagnose import diagnose
from keras_lr.watch.diagnosis.diagnosis import Diagnosis
from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Missing, NotJudged, Symptom, Verdict
from keras_lr.watch.diagnosis.symptoms import QUESTIONS, Question

__all__ = [
    "NOT_FOUND",
    "QUESTIONS",
    "Diagnosis",
    "Evidence",
    "Missing",
    "NotJudged",
    "Question",
    "Symptom",
    "Verdict",
    "diagnose",
]
