"""inspect_ai: ``.eval`` (a ZIP whose members are packed by Zstandard) and its JSON log.

A row is (run, sample, epoch). Its ``input_tokens`` leave cached tokens out (of newer versions), so they are added; an
answer from Inspect's own cache repeats the figures of the first call, so it has none here; a sample with an error is a
failed call although the status of the log is "success".
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from optiq.errors import InputError
from optiq.formats.chat import asked_in, count, text_of
from optiq.formats.json_stream import loads
from optiq.formats.protocol import Answer, Item, NoAnswer, Refused, Role, Wanted
from optiq.formats.source import LONGEST_LINE, Source, shown

_ZSTANDARD = 93
_ATTACHED = "attachment://"


class InspectLogs:
    """Reads logs of inspect_ai."""

    name = "inspect"
    title = "inspect_ai logs (.eval, .json)"
    tried_on = "0.3.150, 0.3.180, 0.3.220, 0.3.285"

    def recognises(self, source: Source) -> Role | None:
        """An archive by its members, a JSON log by its first keys."""
        if source.is_zip:
            names = _names(source)
            inspect = any(name in names for name in ("header.json", "_journal/start.json"))
            return Role.ANSWERS if inspect or ".eval" in source.path.suffixes else None
        if source.path.suffix == ".eval" and not source.is_gzip:
            return Role.ANSWERS  # reading it says what is wrong with it
        head = source.heads[0]
        known = isinstance(head.get("eval"), dict) and {"run_id", "task"} <= head["eval"].keys()
        return Role.ANSWERS if known else None

    def read(self, source: Source, wanted: Wanted) -> Iterator[Item]:
        """One answer per sample and epoch."""
        if source.is_zip or source.path.suffix == ".eval":
            with source.on_disk() as path:
                yield from _archive(path, source.path)
            return
        about = source.value("eval")
        if not isinstance(about, dict):
            raise InputError(f"{source.path} is no log of inspect_ai", "Its JSON has the key 'eval'.")
        found = False
        for number, sample, content in source.objects("samples"):
            found = True
            yield _item(number, sample, content, about)
        if not found:
            yield NoAnswer("a log without samples (header only, or samples were not logged)")


def _names(source: Source) -> set[str]:
    try:
        with source.on_disk() as path, zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, InputError):
        return set()


def _archive(path: Path, called: Path) -> Iterator[Item]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as fault:
        raise InputError(
            f"{called} is no whole ZIP archive: {fault}",
            "It is cut off or still being written: give it when it is done, or copy it again.",
        ) from None
    with archive, path.open("rb") as file:
        members = {one.filename: one for one in archive.infolist()}
        head = members.get("header.json") or members.get("_journal/start.json")
        if head is None:
            raise InputError(f"{called} is no log of inspect_ai", "It has no header.json.")
        about = loads(_member(file, head).decode("utf-8")).get("eval")
        if not isinstance(about, dict):
            raise InputError(f"{called} is no log of inspect_ai", "Its header names no evaluation.")
        number = 0
        for name, member in members.items():
            if not (name.startswith("samples/") and name.endswith(".json")):
                continue
            number += 1
            try:
                sample = loads(_member(file, member).decode("utf-8"))
            except (ValueError, RecursionError, InputError) as fault:
                said = fault.message if isinstance(fault, InputError) else str(fault)
                yield Refused(number, f"{name} cannot be read: {said}", name)
                continue
            yield _item(number, sample, None, about)
        if number == 0:
            yield NoAnswer("a log without samples (header only, or samples were not logged)")


def _member(file: BinaryIO, member: zipfile.ZipInfo) -> bytes:
    """The content of a member, at most ``LONGEST_LINE`` bytes of it; Python's zipfile cannot unpack Zstandard.

    Whatever the archive says of sizes, no more than that is unpacked.
    """
    file.seek(member.header_offset)
    local = file.read(30)
    if len(local) < 30 or local[:4] != b"PK\x03\x04":
        raise InputError("the archive is damaged", "Copy it again.")
    file.seek(int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little"), 1)
    raw = file.read(member.compress_size)
    data = _unpacked(raw, member.compress_type)
    if len(data) > LONGEST_LINE:
        raise InputError(f"unpacks to more than {LONGEST_LINE:,} bytes", "Is it a log at all?")
    if zlib.crc32(data) != member.CRC:
        raise InputError("its checksum is wrong", "Copy the archive again.")
    return data


def _unpacked(raw: bytes, method: int) -> bytes:
    if method == zipfile.ZIP_STORED:
        return raw
    if method == zipfile.ZIP_DEFLATED:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(raw, LONGEST_LINE + 1)
    if method != _ZSTANDARD:
        raise InputError(f"it is packed by method {method}", "inspect_ai writes Zstandard and deflate.")
    import pyarrow as pa  # type: ignore[import-untyped]

    try:
        with pa.CompressedInputStream(pa.BufferReader(raw), "zstd") as stream:
            return bytes(stream.read(LONGEST_LINE + 1))
    except (OSError, pa.ArrowException) as fault:
        raise InputError(f"Zstandard cannot unpack it: {fault}", "Copy the archive again.") from None


def _item(number: int, sample: Any, content: str | None, about: Mapping[str, Any]) -> Item:
    if not isinstance(sample, dict):
        return Refused(number, sample if isinstance(sample, str) else "no JSON object", content)
    if "id" not in sample or "epoch" not in sample:
        return Refused(number, "a sample without id or epoch", shown(sample))
    if sample.get("invalidation"):
        return NoAnswer("samples that a person invalidated")
    try:
        return _answer(number, sample, about)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as fault:
        return Refused(number, f"not a sample as inspect_ai writes it: {fault!r}", shown(sample))


def _answer(number: int, sample: dict[str, Any], about: Mapping[str, Any]) -> Answer:
    attachments = sample.get("attachments") or {}
    output = sample.get("output") or {}
    failed = sample.get("error")
    model = about.get("model")
    if not model or model == "none/none":
        model = output.get("model")
    target, choices = sample.get("target"), sample.get("choices") or []
    task = str(about.get("task") or "inspect")
    cells: dict[str, Any] = {
        "run_id": about.get("run_id"),
        "question_id": f"{task}/{sample['id']}",
        "question": _attached(asked_in(sample.get("input")), attachments),
        "reference": _reference(target),
        "started_at": sample.get("started_at") or _first_event(sample) or about.get("created"),
    }
    if isinstance(choices, list) and len(choices) >= 2:
        cells["options"] = [str(one) for one in choices]
        letters = target if isinstance(target, list) else list(target or "")
        cells["kind"] = "multi" if len(letters) > 1 else "choice"
        cells["reference"] = ", ".join(map(str, letters)) or None
    call: dict[str, Any] = {"answered_model": output.get("model"), "started_at": cells["started_at"]}
    if failed:
        cells["status"] = "failed"
        message = failed.get("message") if isinstance(failed, dict) else failed
        cells["error"] = call["error"] = str(message or "the sample ended in an error")
        return Answer(number, _identity(sample, about), model, cells, call, labels=_labels(sample, about))
    text = output.get("completion")
    choice = (output.get("choices") or [{}])[0]
    if text is None:  # older logs leave it out
        text = text_of((choice.get("message") or {}).get("content"))
    cells["answer"] = call["output"] = text
    limit = sample.get("limit")
    call["finish_reason"] = choice.get("stop_reason") or (
        f"{limit['type']} limit" if isinstance(limit, dict) and limit.get("type") else None
    )
    scores = _scores(sample.get("scores"))
    first = next((one.get("name") for one in about.get("scorers") or () if isinstance(one, dict)), None)
    default = first if first in scores else next(iter(scores), None)
    call |= _figures(sample, output, str(about.get("model")))
    return Answer(
        number, _identity(sample, about), model, cells, call, scores, default, _labels(sample, about)
    )


def _figures(sample: Mapping[str, Any], output: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Tokens and seconds of the calls behind an answer, those of scorers left out; none from Inspect's cache."""
    events = [one for one in sample.get("events") or () if isinstance(one, dict)]
    judging = {
        one.get("id")
        for one in events
        if one.get("event") == "span_begin" and one.get("type") in ("scorer", "scorers")
    }
    calls = [
        one for one in events
        if one.get("event") == "model" and one.get("span_id") not in judging and not one.get("error")
    ]  # fmt: skip
    read = [one for one in calls if one.get("cache") == "read"]
    if read or (not calls and not sample.get("model_usage") and output.get("usage")):
        return {"cached": True} if len(read) == len(calls) else {}
    if not calls or (len(calls) == 1 and output.get("usage")):
        return {**_usage(output.get("usage")), "latency_s": _seconds(output.get("time"))}
    own = [one for one in calls if one.get("model") == model]
    if len(own) < len(calls):  # several models: the answer is of none of them alone
        return {}
    # Where a limit ended the sample, it has no output, but its calls have.
    parts = [_usage((one.get("output") or {}).get("usage")) for one in own]
    times = [_seconds((one.get("output") or {}).get("time")) for one in own]
    summed: dict[str, Any] = {}
    for name in ("prompt_tokens", "cached_tokens", "output_tokens", "thinking_tokens"):
        values = [part.get(name) for part in parts]
        summed[name] = None if None in values else sum(value for value in values if value is not None)
    return {**summed, "latency_s": None if None in times else sum(one for one in times if one is not None)}


def _first_event(sample: Mapping[str, Any]) -> Any:
    """When the first event was: older logs do not say when a sample began."""
    events = sample.get("events")
    first = events[0] if isinstance(events, list) and events else None
    return first.get("timestamp") if isinstance(first, dict) else None


def _usage(usage: Any) -> dict[str, Any]:
    if not isinstance(usage, dict):
        return {}
    read, written = usage.get("input_tokens_cache_read"), usage.get("input_tokens_cache_write")
    given, output = usage.get("input_tokens"), usage.get("output_tokens")
    parts = [one for one in (given, read, written) if isinstance(one, int)]
    # Cached tokens are left out of the input by 0.3.285 and were in it in 0.3.150: the total tells.
    inside = (
        isinstance(given, int) and isinstance(output, int) and usage.get("total_tokens") == given + output
    )
    prompt = count(given if inside else sum(parts)) if given is not None else None
    return {
        "prompt_tokens": prompt,
        "cached_tokens": read if isinstance(read, int) and prompt is not None else None,
        "output_tokens": count(usage.get("output_tokens")),
        "thinking_tokens": count(usage.get("reasoning_tokens")),
    }


def _seconds(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and value > 0 else None


def _scores(scores: Any) -> dict[str, Any]:
    """Score → value; of a score that is a record, each of its keys as ``scorer.key``."""
    found: dict[str, Any] = {}
    for name, score in (scores or {}).items():
        value = score.get("value") if isinstance(score, dict) else score
        if isinstance(value, dict):
            found |= {f"{name}.{key}": one for key, one in value.items()}
        else:
            found[name] = value
    return found


def _identity(sample: Mapping[str, Any], about: Mapping[str, Any]) -> tuple[object, ...]:
    """Its uuid, which a retried log keeps; without one, run, task and model with id and epoch."""
    if sample.get("uuid"):
        return ("inspect", sample["uuid"])
    names = ("run_id", "task_id", "task", "model")
    return ("inspect", *(about.get(name) for name in names), sample["id"], sample["epoch"])


def _labels(sample: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    fields = sample["metadata"] if isinstance(sample.get("metadata"), dict) else {}
    tags = about.get("tags") or [None]
    return {**fields, "task": about.get("task"), "tag": tags[0]}


def _reference(target: Any) -> str | None:
    if isinstance(target, list):
        texts = [str(one) for one in target]
        return texts[0] if len(texts) == 1 else shown(texts) if texts else None
    return str(target) if target not in (None, "") else None


def _attached(text: str | None, attachments: Mapping[str, Any]) -> str | None:
    if text and text.startswith(_ATTACHED):
        return attachments.get(text.removeprefix(_ATTACHED), text)
    return text
