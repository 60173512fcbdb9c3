"""Whether an answer holds the expected one: its columns under whatever name and in whatever order, the
same rows, in the same order where one was asked for.

    expected = Expected(result, order=[1])    result: {"columns", "types", "rows"}; order: the columns
    expected.differs(answer, ordered=True)    that it is ordered by -> None, or what is wrong in few words

Numbers are equal when they are equal to 2 places. Rows that tie in what the answer is ordered by may stand
in any order, and when a limit cuts through a tie any of the tied rows will do.
"""
import collections
import re
from decimal import ROUND_HALF_UP, Decimal

NUMERIC = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT|DECIMAL|NUMERIC|FLOAT|DOUBLE|REAL", re.I)
CENT = Decimal("0.01")
HALF_A_CENT = Decimal("0.0050001")
EXACT_BELOW = 10 ** 20
PAIRINGS_MAX = 2000


def exact(value, kind):
    """A value as it is: numbers as such, a midnight as its day."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"  # to Python, true is 1
    if NUMERIC.match(kind) and Decimal(str(value)).is_finite():
        return Decimal(str(value))
    text = str(value)
    return text.removesuffix(" 00:00:00") if kind.upper().startswith("TIMESTAMP") else text


def rounded(value):
    if isinstance(value, Decimal) and abs(value) < EXACT_BELOW:
        return value.quantize(CENT, ROUND_HALF_UP) + 0  # no -0
    return value


def near(left, right):
    """An average on the edge between two roundings may fall either way."""
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return rounded(left) == rounded(right) or abs(left - right) <= HALF_A_CENT
    return left == right


def column_of(result, i):
    return [exact(row[i], result["types"][i]) for row in result["rows"]]


def rows_of(result, columns):
    """Each row, as far as these columns go: a pair of its rounded cells and its cells."""
    rows = zip(*(column_of(result, i) for i in columns)) if columns else [()] * len(result["rows"])
    return [(tuple(map(rounded, row)), row) for row in rows]


def left_over(rows, pool):
    """Takes for each of the rows an equal one out of the pool. Returns the rows for which there was none,
    and what is left in the pool."""
    by_key = collections.defaultdict(list)
    for row in pool:
        by_key[row[0]].append(row)
    missing = []
    for row in rows:
        if by_key[row[0]]:
            by_key[row[0]].pop()
        else:
            missing.append(row)
    return pair_near(missing, [row for same in by_key.values() for row in same])


def place_of(row, cents=0):
    """What rows must share to be near: all that is no number, and the first number, give or take a cent."""
    first = next((v for v in row[0] if isinstance(v, Decimal)), None)
    rest = tuple(None if isinstance(v, Decimal) else (v,) for v in row[0])
    return rest, None if first is None else first + cents * CENT


def pair_near(rows, pool):
    by_place = collections.defaultdict(list)
    for i, other in enumerate(pool):
        by_place[place_of(other)].append(i)
    missing, used = [], set()
    for row in rows:
        places = [place_of(row, cents) for cents in (0, -1, 1)]
        found = next((i for place in places for i in by_place.get(place, ())
                      if i not in used and all(map(near, row[1], pool[i][1]))), None)
        if found is None:
            missing.append(row)
        else:
            used.add(found)
    return missing, [row for i, row in enumerate(pool) if i not in used]


def pairings(choices, taken=()):
    """Each way to give every expected column one of its candidates, and no candidate twice."""
    if len(taken) == len(choices):
        yield taken
        return
    for candidate in choices[len(taken)]:
        if candidate not in taken:
            yield from pairings(choices, (*taken, candidate))


class Expected:
    """The right answer. pool: the same without its limit, if that cuts through a tie; offset: where in the
    pool the answer begins. The last `hidden` columns are what it is ordered by and does not show."""

    def __init__(self, result, order=(), *, pool=None, offset=0, hidden=0):
        self.names = result["columns"][:len(result["columns"]) - hidden]
        self.n_rows = len(result["rows"])
        self.is_cut = pool is not None
        self.pool = pool or result
        self.offset = offset if pool else 0
        self.rows = rows_of(self.pool, range(len(self.names)))
        self.ties = ties_of([key for key, _ in rows_of(self.pool, order)])

    def differs(self, answer, ordered=False):
        if len(answer["rows"]) != self.n_rows:
            return f"{len(answer['rows'])} rows, not {self.n_rows}"
        choices = [self._candidates(i, answer) for i in range(len(self.names))]
        for name, found in zip(self.names, choices):
            if not found:
                return f"no column has what {name} has"
        said = "columns of the right values, but not so many"
        for tries, columns in enumerate(pairings(choices)):
            if tries == PAIRINGS_MAX:
                return f"{said} (and too many columns are alike to try them all)"
            said = self._rows_differ(rows_of(answer, columns), ordered)
            if said is None:
                break
        return said

    def _candidates(self, i, answer):
        """The answer's columns that hold the values of the expected one."""
        wanted = rows_of(self.pool, [i])

        def fits(j):
            missing, unused = left_over(rows_of(answer, [j]), wanted)
            return not missing and (self.is_cut or not unused)
        return [j for j in range(len(answer["columns"])) if fits(j)]

    def _parts(self):
        """Of each tie where it is in the pool, and where its part within the limit is in the answer."""
        for start, end in self.ties:
            first = max(start - self.offset, 0)
            last = min(end - self.offset, self.n_rows)
            if first < last:
                yield slice(start, end), slice(first, last)

    def _rows_differ(self, rows, ordered):
        if not self._same_rows(rows):
            return "the rows differ"
        if not ordered or all(not left_over(rows[inside], self.rows[tie])[0]
                              for tie, inside in self._parts()):
            return None
        return "the order differs"

    def _same_rows(self, rows):
        """Ties within the limit must be there whole, of those that it cuts just as many rows."""
        whole, cut = [], []
        for tie, inside in self._parts():
            n, size = inside.stop - inside.start, tie.stop - tie.start
            if n == size:
                whole += self.rows[tie]
            else:
                cut.append((self.rows[tie], n))
        missing, rest = left_over(whole, rows)
        for tie, n in cut:
            before = len(rest)
            rest, _ = left_over(rest, tie)
            if before - len(rest) != n:
                return False
        return not missing and not rest


def ties_of(keys):
    """Where runs of equal keys start and end."""
    starts = [i for i in range(len(keys)) if i == 0 or keys[i] != keys[i - 1]]
    return list(zip(starts, [*starts[1:], len(keys)]))
