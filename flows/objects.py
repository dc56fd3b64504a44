"""Objects: what came into the bucket is taken in, and its entities are brought up to date: one merge for many files."""

from extract.collect.s3 import S3Object
from extract.feeds import catalogue
from flows import taking
from flows.prefect_door import LONGEST, flow, keep_table
from flows.run import ARRIVED, Report, RunError, arrived, bring_up_to_date, prepare
from flows.telling import in_a_paragraph


def _run_name() -> str:
    from prefect.runtime import flow_run

    uris = flow_run.parameters.get("objects") or ()
    first = str(uris[0]).rpartition("@")[0].rpartition("/")[2] if uris else "none"
    return f"objects {first}" + (f" and {len(uris) - 1} more" if len(uris) > 1 else "")


@flow(name="take-objects", flow_run_name=_run_name, timeout_seconds=LONGEST)
def take_objects(objects: list[str]) -> Report:
    """Take objects in (`s3://bucket/key@version-or-etag`), then merge the entities that they are about.

    Raises RunError at the end where anything went wrong; `report.taken` says what the ledger knows now.
    """
    report = Report()
    prepare()
    for uri in dict.fromkeys(objects):
        try:
            taking.take(S3Object.of(uri), report)
            report.taken.add(uri)
        except Exception as error:
            report.tell(in_a_paragraph(error))
    for file in report.ingested:
        report.tell(file.reason)
    for entity in sorted({catalogue().feed(file.feed).entity for file in report.ingested}):
        bring_up_to_date(entity, report, within=True)
    keep_table("arrived", [arrived(file) for file in report.ingested], ARRIVED)
    if report.problems:
        raise RunError(report)
    return report
