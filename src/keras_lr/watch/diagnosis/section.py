"""A diagnosis as a part of the report."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from keras_lr.watch.diagnosis.symptom import Symptom
from keras_lr.watch.diagnosis.symptoms import ASKED
from keras_lr.watch.diagnosis.text import MARKS
from keras_lr.watch.report.section import Chart, Section, Table

if TYPE_CHECKING:
    from keras_lr.watch.diagnosis.diagnosis import Diagnosis


def diagnosis_section(diagnosis: "Diagnosis") -> Section:
    """The answer, the symptoms with their evidence, and the run with the evidence marked.

    Args:
        diagnosis: What to tell.
    """
    return Section(
        title=f"Diagnosis of {diagnosis.run.name}",
        answer=diagnosis.answer,
        notes=[each.evidence for each in diagnosis.found[:1]],
        charts=[
            Chart(diagnosis.plot(), "Shaded is the part of the run that shows what was found.")
        ],
        tables=diagnosis_tables(diagnosis, told=1),
        code=code_of(diagnosis),
        weight=2,
    )


def code_of(diagnosis: "Diagnosis") -> str:
    """The lines to write against what was found, under the name of each.

    Args:
        diagnosis: What to tell.
    """
    return "\n\n".join(f"# {each.title}\n{each.code}" for each in diagnosis.found if each.code)


def diagnosis_tables(diagnosis: "Diagnosis", *, told: int = 0) -> list[Table]:
    """What was found, shown at once; folded away what was not found, and what was not judged.

    Args:
        diagnosis: What to tell.
        told: How many of those that were found stand elsewhere already.
    """
    found, title = diagnosis.found[told:], "Also found" if told else "Found"
    looked = [[name, ASKED[name]] for name in diagnosis.not_found]
    lacks = [[each.name, each.needs] for each in diagnosis.not_judged]
    return [
        *([symptoms_table(found, title)] if found else []),
        *([Table("Not found", ["problem", "what is looked for"], looked)] if looked else []),
        *([Table("Not judged", ["problem", "what it takes"], lacks)] if lacks else []),
    ]


def symptoms_table(symptoms: Sequence[Symptom], title: str = "Found") -> Table:
    """What was found, the gravest first.

    Args:
        symptoms: Of a `Diagnosis`.
        title: Of the table.
    """
    rows = [[f"{MARKS[s.severity]} {s.title}", s.where, s.evidence, s.advice] for s in symptoms]
    header = ["problem", "where", "evidence", "what to do"]
    return Table(title, header, rows, open=True)
