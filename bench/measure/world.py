"""What the parts share: the programs, the homes, the datasets and their questions."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class World:
    """folder is empty and goes away afterwards. Cold commands have a home of their own, or they
    would find the host that lingers for the warm ones."""

    def __init__(self, build, folder, rounds):
        self.askcsv = build / "askcsv"
        self.runner = build / "askcsv-runner"
        self.tools = build / "bench"
        self.folder = folder
        self.rounds = rounds
        self.log = folder / "log"
        self.plans = sorted((ROOT / "datasets/golden").glob("*.plan.json"))
        self.registry = json.loads((ROOT / "datasets/registry.json").read_text())
        if not self.plans:
            sys.exit("bench: datasets/golden has no plan")
        self.warm_env = self.home("warm")
        self.cold_env = {**self.home("cold"), "ASKCSV_LINGER": "0"}

    def home(self, name):
        """The environment of a new home, whose host stays until stop_runners()."""
        env = {key: value for key, value in os.environ.items() if not key.startswith("ASKCSV_")}
        return {**env, "ASKCSV_HOME": str(self.folder / name), "ASKCSV_RUNNER": str(self.runner),
                "ASKCSV_LINGER": "600"}

    def generate(self, env):
        self.output([self.askcsv, "datasets", "generate"], env=env)

    def output(self, argv, stdin=b"", env=None):
        done = subprocess.run([str(word) for word in argv], input=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=env)
        if done.returncode != 0:
            sys.exit(f"bench: {' '.join(map(str, argv))} ended with status {done.returncode}: "
                     f"{done.stderr.decode(errors='replace').strip()[-400:]}")
        return done.stdout

    def milliseconds(self, argv, stdin, env):
        """One run of argv from start to end, its output thrown away."""
        with tempfile.TemporaryFile() as file:
            file.write(stdin)
            file.seek(0)
            start = time.perf_counter()
            done = subprocess.run(argv, stdin=file, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, env=env)
            took = (time.perf_counter() - start) * 1000
        if done.returncode != 0:
            sys.exit(f"bench: {argv} ended with status {done.returncode}")
        return took

    def questions(self):
        """For each golden plan its name, dataset, SQL, and the job that bare_duckdb reads."""
        for plan in self.plans:
            name = plan.name.removesuffix(".plan.json")
            dataset = json.loads(plan.read_text())["dataset_id"]
            sql = self.output([self.askcsv, "plan", "compile", plan], env=self.cold_env).decode()
            folder = pathlib.Path(self.warm_env["ASKCSV_HOME"]) / "datasets" / dataset
            tables = [{"name": t["name"], "path": str(folder / t["file"]), "columns": t["columns"]}
                      for d in self.registry["datasets"] if d["id"] == dataset for t in d["tables"]]
            yield {"name": name, "plan": plan, "dataset": dataset, "sql": sql,
                   "tables": tables}


def quoted(text, quote="'"):
    return quote + str(text).replace(quote, 2 * quote) + quote


def load_sql(table):
    """CREATE TABLE with the columns' types, as bare_duckdb does it."""
    columns = ", ".join(f"{quoted(c['name'])}: {quoted(c['type'])}" for c in table["columns"])
    return (f"CREATE TABLE {quoted(table['name'], chr(34))} AS SELECT * FROM "
            f"read_csv({quoted(table['path'])}, header=true, columns={{{columns}}})")


def note(text):
    """What is going on, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
