"""How long the built-in planner takes for a question, without anything around it: the golden prompts over
the shipped datasets, and questions over a made-up table of 200 columns with 100,000 different values."""
import csv
import json
import pathlib
import statistics
import subprocess
from decimal import Decimal

from measure.ways import Failed
from measure.world import note

ROUNDS = {"wide": 100}  # of each question; 300 for the others
SHIPPED_MS = 5   # the targets, for the p99
WIDE_MS = 50

KINDS = ("net gross planned actual billed paid open closed first last local global daily weekly monthly "
         "yearly primary backup inner outer").split()
THINGS = ("amount region carrier station broker season vessel pallet depot tariff").split()
VALUE_1 = ("Harbor Garden Mill Castle River Forest Summit Valley Meadow Bridge Canyon Island Prairie Glacier "
           "Orchard Quarry Lagoon Desert Marsh Cliff").split()
VALUE_2 = "North South East West Upper Lower Old New Great Little".split()
TEXT_COLUMNS, VALUES_EACH, ROWS = 40, 2500, 400_000
WIDE = [
    "how many records are there",
    "average net amount by gross region",
    "total paid amount per month in 2025",
    "top 10 billed broker by gross amount",
    "how many records with net region Garden North 0001",
    "gross amount in Harbor South 0420 or Cliff Little 0999 by planned carrier",
    "share of records with a missing open depot",
    "records where net amount is over 500 and not in Valley North 0007",
    "which planned station has the most records in the last 30 days",
    "median actual amount for each billed carrier, highest first",
    "show me the records with the largest closed amount since January 2025",
    "why is the harbour empty and what will the unicorns do tomorrow",
    "how many differnt brokrs are in the river vally",
    " and ".join(f"{thing} {kind}" for kind in KINDS for thing in THINGS),
]


def index_column(cells, column):
    """What the runner says of a column: empty cells, different values, ends; all values of a text column."""
    values = [cell for cell in cells if cell != ""]
    different = set(values)
    entry = {"name": column["name"], "nulls": len(cells) - len(values), "distinct": len(different)}
    if column["type"] == "VARCHAR":
        ordered = sorted(different, key=str.encode)
        entry.update(values=ordered, complete=True)
    elif column["type"] in ("DATE", "TIMESTAMP", "BOOLEAN"):
        ordered = sorted(different)
    else:
        ordered = sorted(different, key=Decimal)
    if ordered:
        entry.update(min=ordered[0], max=ordered[-1])
    return entry


def index_table(path, table):
    with open(path, newline="", encoding="utf-8") as file:
        _, *rows = csv.reader(file)
    return {"name": table["name"], "rows": len(rows),
            "columns": [index_column([row[i] for row in rows], column)
                        for i, column in enumerate(table["columns"])]}


def shipped(world):
    """(name, registry entry, value index, questions) of each dataset."""
    for entry in world.registry["datasets"]:
        folder = pathlib.Path(world.warm_env["ASKCSV_HOME"]) / "datasets" / entry["id"]
        index = {"tables": [index_table(folder / table["file"], table) for table in entry["tables"]]}
        yield entry["id"], entry, index, [prompt["text"] for prompt in entry["prompts"]]


def wide_columns():
    """Columns with the value index of each."""
    names = [f"{kind}_{thing}" for thing in THINGS for kind in KINDS]
    texts = [name for name in names if not name.endswith("_amount")][:TEXT_COLUMNS]
    others = ["INTEGER", "DECIMAL(12,2)", "DATE", "TIMESTAMP", "BOOLEAN"]
    ends = {"INTEGER": ("0", "99999"), "DECIMAL(12,2)": ("0.01", "98765.43"), "BOOLEAN": ("false", "true"),
            "DATE": ("2024-01-01", "2026-01-30"), "TIMESTAMP": ("2024-01-01 00:00:00", "2026-01-30 23:59:00")}
    for i, name in enumerate(names):
        kind = "DECIMAL(12,2)" if name.endswith("_amount") else others[i % len(others)]
        if name in texts:
            values = wide_values(texts.index(name))
            yield ({"name": name, "type": "VARCHAR", "nullable": True},
                   {"name": name, "nulls": 0, "distinct": len(values), "min": values[0], "max": values[-1],
                    "values": values, "complete": True})
        else:
            low, high = ends[kind]
            distinct = 2 if kind == "BOOLEAN" else 5000
            yield ({"name": name, "type": kind, "nullable": True},
                   {"name": name, "nulls": 100, "distinct": distinct, "min": low, "max": high})


def wide_values(column):
    """Different in each column."""
    numbers = range(column * VALUES_EACH, (column + 1) * VALUES_EACH)
    return sorted(f"{VALUE_1[n % 20]} {VALUE_2[n // 20 % 10]} {n:04d}" for n in numbers)


def wide():
    columns, index = zip(*wide_columns())
    table = {"name": "records", "file": "records.csv", "format": "csv", "columns": list(columns)}
    entry = {"id": "wide", "name": "Wide", "description": "A table as wide as they come.",
             "as_of": "2026-01-31T00:00:00Z", "tables": [table]}
    return entry, {"tables": [{"name": "records", "rows": ROWS, "columns": list(index)}]}


def time_questions(world, name, entry, index, questions):
    files = [world.folder / f"{name}.{what}.json" for what in ("dataset", "values")]
    for file, content in zip(files, (entry, index)):
        file.write_text(json.dumps(content), encoding="utf-8")
    done = subprocess.run([world.tools / "planner_time", *files, str(ROUNDS.get(name, 300))],
                          input="\n".join(questions).encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise Failed(f"planner_time, {name}: {done.stderr.decode(errors='replace').strip()}")
    return [{"question": one["question"][:80], "outcome": one["outcome"], **percentiles(one["us"])}
            for one in json.loads(done.stdout)]


def percentiles(us):
    ordered = sorted(us)
    return {"p50_ms": statistics.median(ordered) / 1000,
            "p99_ms": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] / 1000,
            "max_ms": ordered[-1] / 1000}


def measure(world):
    """{"rows": [{"dataset", "question", "outcome", "p50_ms", "p99_ms", "max_ms"}], "targets": {...}}."""
    result = {"rows": []}
    entry, index = wide()
    for name, *rest in [*shipped(world), ("wide", entry, index, WIDE)]:
        note(f"planner, {name}")
        result["rows"] += [{"dataset": name, **row} for row in time_questions(world, name, *rest)]
    note("")
    for row in result["rows"]:
        print("{dataset:<12}{outcome:<11}{p50_ms:>8.3f}{p99_ms:>8.3f}  {question}".format(**row), flush=True)
    return result


def worst(result, wide_one):
    """The highest p99 of a question, over the wide table or over the shipped datasets."""
    return max(row["p99_ms"] for row in result["rows"] if (row["dataset"] == "wide") == wide_one)
