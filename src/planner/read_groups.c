/* What numbers are grouped by: "by zone", "per month", "for each customer". */
#include "planner/reader.h"

#include <string.h>

#define GROUPS_OF_NUMBER_MAX 60 /* different values of a number that rows are grouped by */

static bool begins_group(const struct reader *r, size_t i)
{
        return reader_is(r, i, WORD_PER) || reader_is(r, i, WORD_EACH) ||
               reader_is(r, i, WORD_ACROSS) || reader_is(r, i, WORD_BY) ||
               reader_is(r, i, WORD_DISTRIBUTION);
}

/* "each factory floor": the column that the segment, or the value, is about. */
static bool find_segment_column(const struct reader *r, const struct atom *atom, struct refs *refs)
{
        const struct dataset *dataset = r->question->concepts->dataset;
        if (atom->kind == ATOM_VALUE && (atom->is_part || atom->n_values > 1)) {
                *refs = atom->refs;
                return true;
        }
        if (atom->kind != ATOM_SEGMENT)
                return false;
        const struct segment *segment = &dataset->segments[atom->index];
        const char *name =
                json_string_value(json_object_get(json_array_get(segment->filters, 0), "column"));
        int column = name ? table_find_column(&dataset->tables[segment->table], name) : -1;
        if (column < 0 || json_array_size(segment->filters) != 1)
                return false;
        refs_add(refs, (int)segment->table, column);
        return true;
}

/* A number that no rows are grouped by: a price, and not a number of beds. */
static bool has_many_values(const struct column_facts *facts)
{
        bool few = facts->column->kind == COLUMN_INTEGER && facts->n_distinct >= 0 &&
                   facts->n_distinct <= GROUPS_OF_NUMBER_MAX;
        return !facts->is_dimension && !few;
}

static bool add_group(struct reader *r, size_t i, bool each)
{
        struct intent *intent = r->intent;
        const struct atom *atom = r->atoms[i];
        struct group group = {.at = i, .per_each = each};
        const struct concepts *concepts = r->question->concepts;
        if (intent->n_groups >= GROUPS_MAX || r->used[i])
                return false;
        if (each && reader_is_flag(r, atom))
                intent->cost += COST_SENSELESS; /* "per returned" */
        if (reader_is_number(r, atom) && has_many_values(reader_facts(r, &atom->refs)))
                intent->cost += COST_SENSELESS; /* "per price" */
        if (atom->kind == ATOM_COLUMN || atom->kind == ATOM_ENTITY)
                group.refs = atom->refs;
        else if (atom->kind == ATOM_TABLE && concepts->tables[atom->index].key >= 0)
                refs_add(&group.refs, atom->index, concepts->tables[atom->index].key);
        else if (atom->kind == ATOM_VALUE && reader_is(r, i - 1, WORD_ACROSS)) {
                group.refs = atom->refs; /* "across Email, Chat and Phone" */
                intent->groups[intent->n_groups++] = group;
                return true; /* and it stays a condition */
        } else if (each && find_segment_column(r, atom, &group.refs)) {
                intent->groups[intent->n_groups++] = group;
                return true; /* and it stays a condition */
        } else if (atom_is(atom, WORD_UNIT))
                group.unit = (enum plan_unit)atom->arg;
        else if (atom_is(atom, WORD_TIME) && atom->arg == 0)
                group.unit = UNIT_DAY;
        else if (atom_is(atom, WORD_PART)) {
                group.unit = (enum plan_unit)atom->arg;
                group.is_part = true;
        } else
                return false;
        r->used[i] = true;
        intent->groups[intent->n_groups++] = group;
        return true;
}

/* "each zone's readings", "per product category": the noun before the column says whose it is. */
/* True when the words name a column of yes and no, too. */
static bool is_flag_too(const struct reader *r, size_t i)
{
        for (size_t a = 0; a < r->question->n_atoms; a++) {
                const struct atom *atom = &r->question->atoms[a];
                if (atom->first == r->atoms[i]->first && atom->n == r->atoms[i]->n &&
                    reader_is_flag(r, atom))
                        return true;
        }
        return false;
}

static size_t skip_owner(struct reader *r, size_t i)
{
        if (i + 1 < r->n && (r->atoms[i]->kind == ATOM_ENTITY || r->atoms[i]->kind == ATOM_TABLE) &&
            r->atoms[i + 1]->kind == ATOM_COLUMN && !r->used[i + 1] && !r->used[i]) {
                r->used[i] = true;
                if (is_flag_too(r, i))
                        r->intent->cost += COST_SENSELESS; /* "by churn date", of a table "churn" */
                return i + 1;
        }
        return i;
}

static void read_group_list(struct reader *r, size_t i, size_t at)
{
        bool each = reader_is(r, i, WORD_EACH) || reader_is(r, i, WORD_PER);
        bool any = false;
        while (at < r->n) {
                at = skip_owner(r, at);
                if (!add_group(r, at, each))
                        break;
                any = true;
                if (at + 1 < r->n && !r->used[at + 1] && reader_is_moment(r, r->atoms[at + 1]))
                        r->intent->cost += COST_SENSELESS; /* "by churn date" */
                size_t joint = at + 1;
                while (joint < r->n && r->atoms[joint]->kind == ATOM_LIGHT)
                        joint++;
                if (!reader_is(r, joint, WORD_AND) && !reader_is(r, joint, WORD_COMMA) &&
                    !reader_is(r, joint, WORD_PER) && !reader_is(r, joint, WORD_BY))
                        break;
                size_t next = reader_next(r, joint);
                if (joint + 1 < r->n &&
                    (reader_is(r, joint + 1, WORD_WITH) || reader_is(r, joint + 1, WORD_THAT)))
                        break;
                if (next >= r->n ||
                    !(r->atoms[next]->kind == ATOM_COLUMN || r->atoms[next]->kind == ATOM_ENTITY ||
                      atom_is(r->atoms[next], WORD_UNIT) || atom_is(r->atoms[next], WORD_PART) ||
                      reader_is(r, next, WORD_PER)))
                        break;
                if (reader_is(r, joint, WORD_COMMA) &&
                    (reader_is(r, next + 1, WORD_WHO) || reader_is(r, next + 1, WORD_THAT)))
                        break; /* "for each category, the agent who has the most" */
                if (reader_is_number(r, r->atoms[next]) &&
                    !reader_facts(r, &r->atoms[next]->refs)->is_dimension)
                        break;
                /* what a condition follows is no group: "by zone and priority High" */
                r->used[joint] = true;
                at = next;
                if (reader_is(r, at, WORD_PER)) {
                        r->used[at] = true;
                        at = reader_next(r, at);
                }
        }
        r->used[i] = r->used[i] || any;
}

static void read_unitly(struct reader *r, size_t i)
{
        struct intent *intent = r->intent;
        if (intent->n_groups >= GROUPS_MAX)
                return;
        intent->groups[intent->n_groups++] =
                (struct group){.unit = (enum plan_unit)r->atoms[i]->arg, .at = i};
        r->used[i] = true;
}

/* What is distributed: the column behind, or right before ("wind direction distribution"). */
static bool distributes(const struct reader *r, size_t i, size_t *at)
{
        bool by = false;
        for (size_t k = *at; k < r->n; k++)
                by = by || reader_is(r, k, WORD_BY);
        if (by && *at < r->n && reader_is_flag(r, r->atoms[*at]))
                return false; /* "breakdown of the survivors by class" */
        if (*at < r->n && r->atoms[*at]->kind == ATOM_COLUMN && !r->used[*at])
                return true;
        if (i > 0 && r->atoms[i - 1]->kind == ATOM_COLUMN && !r->used[i - 1]) {
                *at = i - 1;
                return true;
        }
        return false;
}

/* A measure, a function or the count of things. */
static bool is_number_said(const struct reader *r, size_t i)
{
        if (i >= r->n)
                return false;
        if (r->atoms[i]->kind == ATOM_MEASURE || atom_is(r->atoms[i], WORD_FUNC))
                return true;
        size_t next = reader_next(r, i);
        return atom_is(r->atoms[i], WORD_COUNT) && next < r->n &&
               (r->atoms[next]->kind == ATOM_TABLE || r->atoms[next]->kind == ATOM_ENTITY ||
                r->atoms[next]->kind == ATOM_SEGMENT || atom_is(r->atoms[next], WORD_ROWS));
}

static bool lists(const struct reader *r, size_t i)
{
        while (i > 0 && r->atoms[i - 1]->kind == ATOM_LIGHT)
                i--;
        return i == 0 || reader_is(r, i - 1, WORD_LIST);
}

/* "which months had": a unit of time that is asked for. "months in which" too. */
static void read_asked_units(struct reader *r)
{
        struct intent *intent = r->intent;
        for (size_t i = 0; i < r->n; i++) {
                bool unit = reader_is(r, i, WORD_UNIT) || reader_is(r, i, WORD_PART);
                size_t before = i;
                while (before > 0 && r->atoms[before - 1]->kind == ATOM_LIGHT)
                        before--;
                bool asked = before > 0 && (reader_is(r, before - 1, WORD_WHICH) ||
                                            reader_is(r, before - 1, WORD_WHAT));
                bool first = before == 0 && r->atoms[i]->plural;
                if (r->used[i] || !unit || (!asked && !first) || intent->n_groups >= GROUPS_MAX)
                        continue;
                intent->groups[intent->n_groups++] =
                        (struct group){.unit = (enum plan_unit)r->atoms[i]->arg,
                                       .is_part = reader_is(r, i, WORD_PART),
                                       .at = i};
                r->used[i] = true;
                if (reader_is(r, i + 1, WORD_IN) && reader_is(r, i + 2, WORD_WHICH))
                        r->used[i + 2] = true;
        }
}

/* True when "by" or "each" at i begins no group, with at behind it: what it is there for is read
 * elsewhere. */
static bool begins_nothing(const struct reader *r, size_t i, size_t at)
{
        if (reader_is(r, i, WORD_BY)) /* "held by at least 15", "compare A and B by revenue" */
                return reader_is(r, at, WORD_COMPARE_OP) || is_number_said(r, at);
        if (reader_is(r, i, WORD_EACH)) /* "for every reading", "list every anomaly" */
                return reader_is(r, at, WORD_ROWS) || (i > 0 && lists(r, i));
        return false;
}

/* "average calls per customer", "items per order": one number, and no groups. */
static bool read_per(struct reader *r, size_t i, size_t at)
{
        if (averages_rows(r, i, at)) {
                r->used[i] = r->used[at] = true;
                average_number(r, i);
                return true;
        }
        if (reads_as_ratio(r, i, at)) {
                r->used[i] = true;
                take_ratio_noun(r, i);
                ratio_set_per(r, at);
                return true;
        }
        return false;
}

/* "orders placed by customers": who did it, and no groups. */
static bool names_doer(const struct reader *r, size_t i, size_t at)
{
        if (!reader_is(r, i, WORD_BY) || i == 0 || at >= r->n || r->used[at] ||
            r->atoms[at]->kind != ATOM_ENTITY || !r->atoms[at]->plural ||
            r->atoms[i - 1]->kind != ATOM_LIGHT)
                return false;
        const char *verb = r->question->tokens[r->atoms[i - 1]->first].text;
        size_t n = strlen(verb);
        return n > 4 && strcmp(verb + n - 2, "ed") == 0;
}

static void read_group(struct reader *r, size_t i)
{
        size_t at = reader_next(r, i);
        if (names_doer(r, i, at)) {
                r->used[i] = r->used[at] = true; /* "placed by customers in ..." */
                return;
        }
        if (reader_is(r, at, WORD_DISTINCT)) {
                r->used[at] = true;
                at = reader_next(r, at);
        }
        if (begins_nothing(r, i, at)) {
                r->used[i] = true;
                return;
        }
        if (reader_is(r, at, WORD_COUNT)) { /* "by number of beds" */
                r->used[at] = true;
                at = reader_next(r, at);
        }
        if (reader_is(r, i, WORD_DISTRIBUTION)) {
                at = skip_owner(r, at);
                if (!distributes(r, i, &at))
                        return;
        }
        if (at >= r->n || read_by_number(r, i, at) || read_per(r, i, at))
                return;
        read_group_list(r, i, at);
}

/* "over zones", as "across": no number follows. */
static bool is_over(const struct reader *r, size_t i)
{
        if (!reader_is(r, i, WORD_COMPARE_OP) || r->used[i] || i + 1 >= r->n ||
            strcmp(r->question->tokens[r->atoms[i]->first].text, "over") != 0)
                return false;
        size_t at = reader_next(r, i);
        return at < r->n && r->atoms[at]->kind == ATOM_COLUMN && !r->used[at] &&
               !reader_is_number(r, r->atoms[at]) && !reader_is_moment(r, r->atoms[at]);
}

void read_groups(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                if (r->used[i])
                        continue;
                if (reader_is(r, i, WORD_SORT))
                        read_sort(r, i);
                else if (reader_is(r, i, WORD_DIRECTION))
                        read_direction(r, i);
                else if (reader_is(r, i, WORD_UNITLY))
                        read_unitly(r, i);
                else if (begins_group(r, i) || is_over(r, i))
                        read_group(r, i);
        }
        read_asked_units(r);
        for (size_t i = 0; i < r->n; i++) {
                if (reader_is(r, i, WORD_DISTRIBUTION) && r->intent->share == SHARE_NONE)
                        r->intent->share = SHARE_OF_TOTAL;
        }
}
