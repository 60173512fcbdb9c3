"""Reads tests/redteam/*.sql: classes of statements, divided by lines of three hyphens."""
import re

from programs import ROOT

HEAD = re.compile(r"^-- class: ([^\[]+?)(?:\s*\[([^\]]*)\])?\s*$")


def statements(name):
    """[(class, set of flags, sql)] in the file's order."""
    found = []
    kind, flags, lines = None, set(), []

    def end():
        sql = "\n".join(lines)
        if kind and sql.strip():
            found.append((kind, flags, sql))
        lines.clear()

    for line in (ROOT / "tests" / "redteam" / name).read_text().split("\n"):
        head = HEAD.match(line)
        if head:
            end()
            kind, flags = head.group(1).strip(), set((head.group(2) or "").split())
        elif line == "---":
            end()
        elif kind:
            lines.append(line)
    end()
    return found


def dangerous_statements():
    return [sql for _, flags, sql in statements("refused.sql") if "dangerous" in flags]
