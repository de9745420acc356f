"""Runs the stage table over a city's month: skips what is valid, resumes what is not, never half-writes.

A stage computes into a hidden ``.partial`` folder that becomes ``runs/<run>/<stage>`` in one rename, closed by
``stage.json``: the key (hashes of inputs, configuration, earlier stages) and the hashes of its outputs. A stage
whose key and outputs are unchanged is skipped.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

from pipeline import DETECTION, FORMAT_VERSION, STAGES, __version__, stage_entry
from pipeline.config import Config
from pipeline.errors import InputError, StageError
from pipeline.execute import Execution
from pipeline.sources.records import read_records
from pipeline.stages import acquire, detect, journal, ledger, patrol, reconcile, register, report, screen, supervise
from pipeline.stages.base import Difference, StageContext, StageModule, StageOutcome
from pipeline.stages.guard import guarded
from pipeline.store import digest_bytes, digest_file, digest_tree, json_bytes, read_json, write_json
from pipeline.values import Period

MODULES: dict[str, StageModule] = {
    name: cast(StageModule, module)
    for name, module in {
        "acquire": acquire, "detect": detect, "screen": screen, "register": register, "patrol": patrol,
        "ledger": ledger, "reconcile": reconcile, "supervise": supervise, "report": report,
    }.items()
}  # fmt: skip
AS_OF_STAGES = ("ledger", "reconcile", "supervise", "report")
CLOSING = "stage.json"


@dataclass(frozen=True)
class StageResult:
    """What happened to one stage: ``state`` is done, skipped or would_run.

    ``differences``: what the new result changes against the one it replaced, in words.
    """

    stage: str
    state: str
    why: str
    counts: dict[str, int]
    notes: tuple[str, ...]
    failures: tuple[str, ...]
    seconds: float
    differences: tuple[str, ...] = ()


Listener = Callable[[StageResult], None]


def default_as_of(period: Period, config: Config) -> date:
    """Without ``--as-of``: the period's last day plus the days units have to answer; never the clock."""
    return period.last_day + timedelta(days=config.reconcile.answer_days)


def revisions(city: Path, period: Period) -> list[Path]:
    """The period's run folders, oldest revision first."""
    first = city / "runs" / str(period)
    later = [path for path in (city / "runs").glob(f"{period}.r*") if path.name.split(".r")[1].isdigit()]
    return [path for path in (first,) if path.is_dir()] + sorted(later, key=lambda path: int(path.name.split(".r")[1]))


def latest_register(city: Path, before: Period) -> Path | None:
    """The run folder of the latest earlier period that has a finished register."""
    periods = {path.name.split(".r")[0] for path in (city / "runs").glob("*-*") if path.is_dir()}
    for name in sorted((name for name in periods if name < str(before)), reverse=True):
        for run in reversed(revisions(city, Period.parse(name))):
            if (run / "register" / CLOSING).is_file():
                return run
    return None


def open_month(
    city: Path, config: Config, period: Period, as_of: date | None, execution: Execution, *, detecting: bool
) -> StageContext:
    """The context of a period's current revision.

    A dispatched revision is not touched again by detection: when ``detecting`` and its inputs have changed, the next
    revision is opened, which keeps every issued id. Reconciling and reporting stay with the dispatched one.
    """
    dispatches = read_records(city).dispatches
    dispatched = set(dispatches.loc[dispatches["period"] == str(period), "revision"])
    for name in sorted(dispatched):
        if not (city / "runs" / name / "register" / CLOSING).is_file():
            raise InputError(
                "E601", f"{name} was dispatched, but runs/{name} is gone", "restore the folder: it holds the issued ids"
            )
    runs = revisions(city, period) or [city / "runs" / str(period)]
    issued = [run for run in runs if run.name in dispatched]
    context = StageContext(
        config=config,
        city=city,
        period=period,
        as_of=as_of or default_as_of(period, config),
        run=runs[-1],
        previous=latest_register(city, period),
        issued=issued[-1] if issued and issued[-1] != runs[-1] else None,
        execution=execution,
    )
    if runs[-1].name not in dispatched or not detecting:
        return context
    if all(stale_reason(name, context) is None for name in DETECTION):
        return context
    number = int(runs[-1].name.split(".r")[1]) + 1 if ".r" in runs[-1].name else 2
    return replace(context, run=city / "runs" / f"{period}.r{number}", issued=runs[-1])


def stage_key(name: str, context: StageContext) -> dict[str, Any]:
    """Everything that decides a stage's result, as JSON; equal keys mean equal outputs."""
    entry = stage_entry(name)
    register_of = {
        role: digest_file(run / "register" / CLOSING)
        for role, run in (("previous", context.previous), ("issued", context.issued))
        if run is not None and name == "register"
    }
    inputs = {path.relative_to(context.city).as_posix(): digest_file(path) for path in MODULES[name].inputs(context)}
    facts = getattr(MODULES[name], "facts", None)
    return {
        "format_version": FORMAT_VERSION,
        "version": __version__,
        "stage": name,
        "run": context.run_name,
        "as_of": context.as_of.isoformat() if name in AS_OF_STAGES else None,
        "config": {section: digest_bytes(json_bytes(context.config.section(section))) for section in entry.sections},
        "inputs": dict(sorted(inputs.items())),
        "facts": facts(context) if facts is not None else {},
        "earlier_stages": {earlier: digest_file(context.folder(earlier) / CLOSING) for earlier in entry.reads},
        "earlier_registers": register_of,
    }


def stale_reason(name: str, context: StageContext) -> str | None:
    """Why a stage must run, or None when its outputs are valid."""
    closing = context.folder(name) / CLOSING
    if not closing.is_file():
        return "not done yet"
    for earlier in stage_entry(name).reads:
        if not (context.folder(earlier) / CLOSING).is_file():
            return f"{earlier} is not done"
    record = read_json(closing)
    key = stage_key(name, context)
    changed = [part for part in key if record["key"].get(part) != key[part]]
    if changed:
        return "changed: " + ", ".join(_changes(record["key"], key, changed))
    if record["failures"]:
        return "a part failed last time"
    missing = [file for file in record["outputs"] if not (context.folder(name) / file).is_file()]
    if missing:
        return f"output missing: {missing[0]}"
    for file, place in record["publish"].items():
        target = context.run / place
        if not target.is_file() or digest_file(target) != record["outputs"][file]:
            return f"published file missing or changed: {place}"
    return None


def _changes(old: dict[str, Any], new: dict[str, Any], parts: list[str]) -> list[str]:
    """Name the changed parts of a key, down to files and sections."""
    names = []
    for part in parts:
        before, after = old.get(part), new[part]
        if isinstance(before, dict) and isinstance(after, dict):
            names += [k for k in sorted(before.keys() | after.keys()) if before.get(k) != after.get(k)]
        else:
            names.append(part)
    return names


def run_stages(
    names: tuple[str, ...], context: StageContext, listener: Listener, *, dry_run: bool
) -> list[StageResult]:
    """Run, or with ``dry_run`` only plan, the named stages in order.

    Raises StageError when a stage cannot finish; what was finished before it stays and is skipped next time.
    """
    results: list[StageResult] = []
    will_run: set[str] = set()
    for name in names:
        entry = stage_entry(name)
        for earlier in entry.reads:
            if earlier not in will_run and not (context.folder(earlier) / CLOSING).is_file():
                command = "detect" if earlier in DETECTION else "reconcile"
                what = f"stage {name} of {context.run_name} needs {earlier}"
                raise InputError("E404", what, f"run `xuncha {command} --period {context.period}` first")
        upstream = sorted(will_run & set(entry.reads))
        why = f"{upstream[0]} runs again" if dry_run and upstream else stale_reason(name, context)
        if why is None:
            record = read_json(context.folder(name) / CLOSING)
            result = StageResult(name, "skipped", "unchanged", record["counts"], tuple(record["notes"]), (), 0.0)
        elif dry_run:
            result = StageResult(name, "would_run", why, {}, (), (), 0.0)
            will_run.add(name)
        else:
            result = _run_stage(name, context, why, because=_causes(results))
        listener(result)
        results.append(result)
    return results


def _causes(results: list[StageResult]) -> tuple[str, ...]:
    """Why the stages before had to run: the inputs that changed."""
    return tuple(f"{result.stage} {result.why}" for result in results if result.state == "done")


def _run_stage(name: str, context: StageContext, why: str, *, because: tuple[str, ...]) -> StageResult:
    started = time.monotonic()
    partial, old, final = (context.run / part for part in (f".partial-{name}", f".old-{name}", name))
    with guarded(name, context.run):
        for leftover in (partial, old):
            shutil.rmtree(leftover, ignore_errors=True)
        try:
            partial.mkdir(parents=True)
            key = stage_key(name, context)
            outcome = MODULES[name].run(context, partial)
            _close(partial, key, outcome)
        except BaseException as problem:
            shutil.rmtree(partial, ignore_errors=True)
            _record_failure(context, name, problem)
            raise
        changes = _differences(name, final, partial)
        if final.exists():
            final.rename(old)
        partial.rename(final)
        shutil.rmtree(old, ignore_errors=True)
        for file, place in outcome.publish.items():
            _publish(final / file, context.run / place)
    seconds = round(time.monotonic() - started, 2)
    journal.append(context.city, run=context.run_name, stage=name, event="done", why=why, seconds=seconds,
                   counts=outcome.counts, stage_json=digest_file(final / CLOSING))  # fmt: skip
    if changes:
        journal.append(context.city, run=context.run_name, stage=name, event="changed", why=[*because, f"{name} {why}"],
                       differences=[change.facts for change in changes])  # fmt: skip
    words = tuple(change.words for change in changes)
    return StageResult(name, "done", why, outcome.counts, outcome.notes, outcome.failures, seconds, words)


def _differences(name: str, old: Path, new: Path) -> tuple[Difference, ...]:
    """What the new result changes, where the stage can tell and a whole result of this format is replaced."""
    tell = getattr(MODULES[name], "differences", None)
    if tell is None or not (old / CLOSING).is_file():
        return ()
    record = read_json(old / CLOSING)
    whole = all((old / file).is_file() and digest_file(old / file) == sha for file, sha in record["outputs"].items())
    return tell(old, new) if whole and record["format_version"] == FORMAT_VERSION else ()


def _record_failure(context: StageContext, name: str, problem: BaseException) -> None:
    try:
        journal.append(context.city, run=context.run_name, stage=name, event="failed", why=str(problem))
    except OSError as second:
        # A full disk refuses the journal line too; the first problem is the one to report.
        problem.add_note(f"the journal could not be written either: {second}")


def _close(folder: Path, key: dict[str, Any], outcome: StageOutcome) -> None:
    write_json(
        folder / CLOSING,
        {
            "format_version": FORMAT_VERSION,
            "key": key,
            "counts": outcome.counts,
            "notes": list(outcome.notes),
            "failures": list(outcome.failures),
            "publish": outcome.publish,
            "outputs": digest_tree(folder),
        },
    )


def _publish(source: Path, target: Path) -> None:
    temporary = target.with_name(target.name + ".tmp")
    shutil.copyfile(source, temporary)
    temporary.replace(target)


def verify_run(run: Path) -> list[str]:
    """Re-hash a run folder and its city's journal; what does not agree, in words."""
    if not run.is_dir() or not any((run / entry.name / CLOSING).is_file() for entry in STAGES):
        raise InputError("E601", f"{run} holds no finished stage", "give a folder CITY/runs/<period>")
    found: list[str] = []
    for entry in STAGES:
        closing = run / entry.name / CLOSING
        if not closing.is_file():
            continue
        record = read_json(closing)
        actual = {file: digest for file, digest in digest_tree(closing.parent).items() if file != CLOSING}
        for file in sorted(actual.keys() | record["outputs"].keys()):
            if actual.get(file) != record["outputs"].get(file):
                found.append(f"{entry.name}/{file} is missing, added or changed")
        for earlier, digest in record["key"]["earlier_stages"].items():
            path = run / earlier / CLOSING
            if not path.is_file() or digest_file(path) != digest:
                found.append(f"{entry.name} was made from another result of {earlier}")
        for file, place in record["publish"].items():
            if not (run / place).is_file() or digest_file(run / place) != record["outputs"][file]:
                found.append(f"{place} is missing or changed")
    return found + journal.problems(run.parent.parent)


def raise_failures(results: list[StageResult]) -> None:
    """Raise StageError E603 naming the parts that failed, after everything else was kept."""
    failures = [f"{result.stage}: {failure}" for result in results for failure in result.failures]
    if failures:
        raise StageError("E603", "; ".join(failures), "mend the cause and run the same command again")
