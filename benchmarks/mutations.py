"""Malformed records: mutated in every way that we could think of, and shown to `compare`, which must take none amiss.

Records of format 2 or 1. A mutated one may be skipped, with its reason, or shown; alone and beside the record that it
was made from, in every format. Anything else is a crash and is printed with its traceback: an exception that is no
PigbenchError, one at all where a good record lies beside it, a control character in what is printed.
"""

from __future__ import annotations

import argparse
import base64
import copy
import io
import json
import random
import struct
import tempfile
import traceback
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

Outcome = str
"""`skipped`, `shown` or `crashed`."""

PUBLISHED = Path(__file__).parents[1] / "results" / "phantom-quick-292bbd82-c3ff7384.json"
KEPT = ("pig", "ldm", "ddpm")
STUDY = {
    "study": "pig-quick",
    "plugin": "pig",
    "group": "generators",
    "set_aside": 0.2,
    "patients": 16,
    "trials": 20,
    "objective": "KID ×1000",
    "value": 71.25,
    "params": {"steps": 32},
    "wall_s": 4320.0,
    "cpu_s": 4000.0,
    "used_by": ["pig"],
}
WRONG: tuple[Callable[[], Any], ...] = tuple(
    (lambda value=value: copy.deepcopy(value))
    for value in (
        *(None, True, False, 0, 1, -1, 2, 0.5, -0.0, 1e-320, 1e308, -1e308, float("nan"), float("inf"), -float("inf")),
        *(2**31, 2**53 + 1, 2**63, 2**64, -(2**63), 10**30, 10**400),
        *(
            "",
            " ",
            "x",
            "0",
            "1",
            "nan",
            "real",
            "real+pig_512",
            "ok",
            "failed",
            "images",
            "pairs",
            "generators",
            "pig",
        ),
        *("two\nlines", "a\rb\tc", "\x1b[31mred\x07\x00", "[bold]loud[/bold", "[/]", "\x9b2J", "\u2028", "\u202eback"),
        *("\ud800", "|`*_<b>&\\", "é" * 3, "x" * 100_000),
        *([], {}, [[]], [None], [0], [""], {"": None}, {"x": [1]}, {"\x1b[1m": "\ud800"}, list(range(500))),
    )
)


def nested(depth: int) -> Any:
    """A list in a dict in a list, `depth` deep."""
    value: Any = 0
    for level in range(depth):
        value = [value] if level % 2 else {"x": value}
    return value


def good_record(form: int = 2) -> dict[str, Any]:
    """A published record cut down to two folds, three generators and a few cases, with a study beside it.

    form: 1 as it was written, 2 as a run writes it today.
    """
    content = _cut_down(json.loads(PUBLISHED.read_text(encoding="utf-8")))
    if form == 1:
        return content
    from pigbench.results.format1 import converted

    today: dict[str, Any] = json.loads(converted(content).model_dump_json())
    today["fits"][0] |= {
        "images": 9600,
        "arithmetic": 1.5e12,
        "losses": [0.9, 0.5, 0.4],
        "refused": {"recall": "broken"},
    }
    today["generators"]["pig"] |= {"sampler": "DDIM, 32 steps", "losses": {"guider": [1.0, 0.2]}}
    today["test_sets"]["held-out"]["ceiling"] = {"dice": 0.905}
    return today


def _cut_down(content: dict[str, Any]) -> dict[str, Any]:
    content["folds"] = 2
    content["generators"] = {name: content["generators"][name] for name in KEPT}
    arms = {"real", "pig_512", "real+ldm_512"}
    for part in ("fidelity", "arms", "gates", "reconstructions"):
        rows = [run for run in content[part] if run["fold"] < 2 and run["generator"] in (None, *KEPT)]
        content[part] = [run for run in rows if run.get("arm", "real") in arms]
    content["fidelity"][-1] |= {"status": "failed", "reason": "RuntimeError: out of memory", "fid": None, "kid": None}
    columns = content["cases"]
    kept = []
    patients: dict[int, set[str]] = {0: set(), 1: set()}
    for row, (arm, fold, patient) in enumerate(
        zip(columns["arm"], columns["fold"], columns["patient_id"], strict=True)
    ):
        if arm in arms and fold < 2 and (len(patients[fold]) < 2 or patient in patients[fold]):
            patients[fold].add(patient)
            kept.append(row)
    content["cases"] = {name: [column[row] for row in kept] for name, column in columns.items()}
    wanted = {f"unet on {arm}" for arm in arms} | {*KEPT, "pig.guider", "pig.conditional", "ddpm.denoiser"}
    content["costs"] = [cost for cost in content["costs"] if cost["label"] in wanted and cost.get("fold", 0) < 2]
    content["tuning"] = [copy.deepcopy(STUDY)]
    return content


def mutated(content: dict[str, Any], stream: random.Random) -> tuple[dict[str, Any], str]:
    """A copy of `content` with one to three things wrong, and which."""
    content = copy.deepcopy(content)
    done = []
    for _ in range(stream.choice((1, 1, 1, 2, 3))):
        path = _anywhere(content, stream)
        change = stream.choice(_CHANGES)
        done.append(f"{change.__name__.strip('_')} {'.'.join(map(str, path))}")
        change(content, path, stream)
    return content, "; ".join(done)


def _anywhere(content: Any, stream: random.Random) -> list[Any]:
    """A path from the top to something: every step down is as likely as any other, so no long list drowns the rest."""
    path: list[Any] = []
    while not path or (isinstance(content, dict | list) and content and stream.random() < 0.8):
        step = stream.choice(list(content) if isinstance(content, dict) else range(len(content)))
        path.append(step)
        content = content[step]
    return path


def _at(content: Any, path: list[Any]) -> Any:
    for step in path:
        content = content[step]
    return content


def _another(content: Any, path: list[Any], stream: random.Random) -> None:
    _at(content, path[:-1])[path[-1]] = stream.choice(WRONG)()


def _deep(content: Any, path: list[Any], stream: random.Random) -> None:
    _at(content, path[:-1])[path[-1]] = nested(stream.choice((3, 100, 150, 190, 210, 300, 900)))


def _gone(content: Any, path: list[Any], stream: random.Random) -> None:
    del _at(content, path[:-1])[path[-1]]


def _renamed(content: Any, path: list[Any], stream: random.Random) -> None:
    holder = _at(content, path[:-1])
    if isinstance(holder, dict):
        name = stream.choice([wrong for make in WRONG if isinstance(wrong := make(), str)] + [str(path[-1]).upper()])
        holder[name] = holder.pop(path[-1])


def _from_elsewhere(content: Any, path: list[Any], stream: random.Random) -> None:
    _at(content, path[:-1])[path[-1]] = copy.deepcopy(_at(content, _anywhere(content, stream)))


def _twisted(content: Any, path: list[Any], stream: random.Random) -> None:
    """What is there, but not quite: a number out of range or of another type, a text of other letters."""
    value = _at(content, path)
    if isinstance(value, bool) or value is None:
        others = [str(value), not value, int(bool(value)), [value]]
    elif isinstance(value, int | float):
        others = [
            -value,
            value + 1,
            value * 10**6,
            value * 10**300,
            value / 7 if abs(value) < 1e308 else 7,
            str(value),
            bool(value),
            [value],
            {"x": value},
        ]
    elif isinstance(value, str):
        others = [value.upper(), value + "x", value[:3], value + "\n", f"[{value}]", value * 300, [value], list(value)]
    else:
        others = [[value], {"x": value}, str(value), len(value)]
    _at(content, path[:-1])[path[-1]] = stream.choice(others)


def _length(content: Any, path: list[Any], stream: random.Random) -> None:
    """A list that lost items, has some twice or in another order; for a column of cases, perhaps all columns alike."""
    value = _at(content, path)
    together = path[0] == "cases" and isinstance(content.get("cases"), dict) and stream.random() < 0.7
    columns = [of for of in content["cases"].values() if isinstance(of, list)] if together else [value]
    for column in columns:
        if isinstance(column, list) and column:
            at = stream.randrange(len(column)) if not together else min(5, len(column) - 1)
            choice = stream.randrange(5) if not together else 1
            if choice == 0:
                del column[at:]
            elif choice == 1:
                column.append(copy.deepcopy(column[at]))
            elif choice == 2:
                column[:] = column + copy.deepcopy(column)
            elif choice == 3:
                stream.shuffle(column)
            else:
                column[:] = column[:1]


def _all_alike(content: Any, path: list[Any], stream: random.Random) -> None:
    """Every item of a list, or the same field of every row, set to one value."""
    holder = _at(content, path[:-1])
    value = stream.choice([copy.deepcopy(_at(content, path)), *(make() for make in stream.sample(WRONG, 3))])
    if isinstance(holder, list):
        holder[:] = [value] * len(holder)
    elif len(path) >= 3 and isinstance(rows := _at(content, path[:-2]), list | dict):
        for row in rows.values() if isinstance(rows, dict) else rows:
            if isinstance(row, dict):
                row[path[-1]] = value


def _more(content: Any, path: list[Any], stream: random.Random) -> None:
    """A key that nobody knows, as a later version may add."""
    holder = _at(content, path[:-1])
    if isinstance(holder, dict):
        holder["later"] = stream.choice(WRONG)()


def _column(content: Any, path: list[Any], stream: random.Random) -> None:
    """A packed column, wherever one is, whose insides are wrong."""
    columns = list(_packed(content))
    if not columns:
        return
    column = stream.choice(columns)
    kind, length, data = column["type"], column["length"], column["data"]
    if not (isinstance(data, str) and isinstance(length, int)):
        return
    raw = zlib.decompress(base64.b64decode(data))
    change = stream.randrange(9)
    if change == 0:
        column["data"] = data[: stream.randrange(len(data))]
    elif change == 1:
        column["data"] = stream.choice(("", "%%%", data + data, data[::-1], "é", base64.b64encode(raw).decode()))
    elif change == 2:
        column["length"] = stream.choice((0, 1, length + 1, length - 1, 2**26, 2**27, 2**40, 2**70, -1))
    elif change == 3:
        column["type"] = stream.choice(("i1", "i2", "i4", "f8", "text", "i8", "O", "", kind.upper()))
    elif change == 4:
        column |= _zipped(bytes(2**27) if stream.random() < 0.2 else raw + bytes(1000))
    elif change == 5 and kind != "text":  # one number is another
        wild = bytearray(raw)
        wild[stream.randrange(len(wild))] ^= 1 << stream.randrange(8)
        column |= _zipped(bytes(wild))
    elif change == 6 and kind != "text":
        numbers = stream.choice(([float("nan")], [float("inf")], [1e300], [-1.0], [0.0], [2.0**31], [0.5])) * length
        planes = b"".join(struct.pack(f"<{length}d", *numbers)[place::8] for place in range(8))
        column |= {"type": "f8"} | _zipped(planes)
    elif kind == "text":
        texts = json.loads(raw)
        wrong = stream.choice((*(make() for make in WRONG), texts[0], *[make() for make in WRONG]))
        texts[stream.randrange(len(texts))] = wrong
        column |= _zipped(stream.choice((json.dumps(texts), "[" * 10**5, "NaN", "[NaN]", "{}")).encode())
    else:
        column |= _zipped(bytes(len(raw)))


def _zipped(content: bytes) -> dict[str, str]:
    return {"data": base64.b64encode(zlib.compress(content)).decode()}


def _packed(content: Any) -> Iterator[dict[str, Any]]:
    """The packed columns in `content` that are still whole."""
    if isinstance(content, dict):
        if {"type", "length", "data"} <= content.keys() and _is_whole(content["data"]):
            yield content
        else:
            for part in content.values():
                yield from _packed(part)


def _is_whole(data: Any) -> bool:
    try:
        return len(zlib.decompress(base64.b64decode(data, validate=True))) > 2
    except (TypeError, ValueError, zlib.error):
        return False


_CHANGES = (
    *(_another, _another, _another, _deep, _gone, _renamed, _from_elsewhere, _twisted, _twisted, _length),
    *(_all_alike, _more, _column, _column),
)


def outcome(content: Any, good: Path, folder: Path) -> tuple[Outcome, str]:
    """What becomes of `content`, and the traceback of what must not be. folder: for its file, which is overwritten."""
    file = folder / "mutated.json"
    file.write_text(json.dumps(content), encoding="ascii")
    try:
        shown = _use(file, good)
    except Exception:
        return "crashed", traceback.format_exc()
    return ("shown" if shown else "skipped"), ""


def _use(file: Path, good: Path) -> bool:
    """Do all that can be done with a record; whether it is one."""
    from pigbench.cli.compare import Format
    from pigbench.errors import PigbenchError
    from pigbench.results import cases, load_records, same_numbers, scores

    records, skipped = load_records([file])
    assert len(records) + len(skipped) == 1
    if skipped:
        assert skipped[0].reason, "skipped without a reason"
    for format in Format if records else (Format.rich,):
        assert "Table 2" in _printed([good, file], format) or format in (Format.csv, Format.json)
        try:
            _printed([file], format)
        except PigbenchError:
            assert skipped, "a record was read and not shown"
    if records:
        same_numbers(records[0], load_records([good])[0][0])
        cases(file)
        scores(file)
    return bool(records)


def _printed(paths: list[Path], format: Any) -> str:
    from pigbench.cli.compare import compare

    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2)]
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        compare(paths, format=format, paper=False, costs=True, against=None)
    texts = []
    for stream in streams:
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    wild = {character for character in set("".join(texts)) - {"\n"} if unicodedata.category(character) == "Cc"}
    assert not wild, f"control characters are printed: {wild}"
    return texts[0]


def outcomes(number: int, seed: int, form: int = 2) -> Iterator[tuple[Outcome, str, str]]:
    """The outcome of each of `number` mutated records, what was done to it, and the traceback if it crashed."""
    stream = random.Random(seed)
    content = good_record(form)
    with tempfile.TemporaryDirectory() as folder:
        good = Path(folder) / "good.json"
        good.write_text(json.dumps(content), encoding="utf-8")
        assert outcome(content, good, Path(folder)) == ("shown", "")
        for _ in range(number):
            wrong, what = mutated(content, stream)
            became, trace = outcome(wrong, good, Path(folder))
            yield became, what, trace


def main() -> None:
    """Print how many were skipped, shown and crashed; exit 1 for a crash."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("number", type=int, nargs="?", default=2000, help="how many records")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--form", type=int, choices=(1, 2), default=2, help="the format of the records")
    number, seed, form = vars(asked.parse_args()).values()
    counts: Counter[Outcome] = Counter()
    for place, (became, what, trace) in enumerate(outcomes(number, seed, form)):
        counts[became] += 1
        if became == "crashed":
            print(f"{place}: {what}\n{trace}")
    print(", ".join(f"{counts[name]} {name}" for name in ("skipped", "shown", "crashed")), f"(seed {seed})")
    raise SystemExit(1 if counts["crashed"] else 0)


if __name__ == "__main__":
    main()
