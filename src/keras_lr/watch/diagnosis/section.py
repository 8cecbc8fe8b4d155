"""A diagnosis as a part of the report."""

from typing import TYPE_CHECKING

from keras_lr.watch.report.section import Chart, Section, Table

if TYPE_CHECKING:
    from keras_lr.watch.diagnosis.diagnosis import Diagnosis


def diagnosis_section(diagnosis: "Diagnosis") -> Section:
    """The answer, the symptoms with their evidence, and the run with the evidence marked."""
    found = [
        [symptom.severity, symptom.title, symptom.where, symptom.evidence, symptom.advice]
        for symptom in diagnosis.symptoms
    ]
    header = ["how grave", "what", "where", "evidence", "advice"]
    tables = [Table("Findings", header, found, open=True)] if found else []
    if diagnosis.unjudged:
        needs = [[each.name, each.needs] for each in diagnosis.unjudged]
        tables.append(Table("Not judged", ["what", "what it would take"], needs))
    looked = "; ".join(diagnosis.asked.get(name, name) for name in diagnosis.not_there)
    return Section(
        title=f"Diagnosis of {diagnosis.run.name}",
        answer=diagnosis.answer,
        notes=[f"Looked for and not there: {looked}."] if looked else [],
        charts=[Chart(diagnosis.plot(), "Shaded is the part of the run that shows a finding.")],
        tables=tables,
        code="\n\n".join(
            f"# {symptom.title}\n{symptom.code}" for symptom in diagnosis.symptoms if symptom.code
        ),
        weight=2,
    )
