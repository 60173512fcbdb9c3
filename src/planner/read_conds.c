/* Conditions that are not numbers: values, flags, times, what is missing. */
#include "planner/reader.h"

#include <string.h>

static bool is_negation(const struct reader *r, size_t i)
{
        return reader_is(r, i, WORD_NOT) || reader_is(r, i, WORD_EXCEPT) ||
               reader_is(r, i, WORD_WITHOUT) || reader_is(r, i, WORD_NEVER) ||
               reader_is(r, i, WORD_NEITHER);
}

/* A negation before i that is i's: nothing but soft atoms, or a noun that i describes, between. */
static bool take_negation(struct reader *r, size_t i)
{
        size_t before = reader_before(r, i);
        if (before != NO_ATOM && before + 1 == i && reader_is(r, before, WORD_TO) &&
            r->atoms[before]->arg == 1) {
                r->used[before] = true; /* "non-diabetic" */
                before = reader_before(r, before);
        }
        if (before != NO_ATOM && reader_is(r, before, WORD_BY) && !r->used[before]) {
                r->used[before] = true; /* "by email" */
                before = reader_before(r, before);
        }
        while (before != NO_ATOM && (reader_is(r, before, WORD_THOSE) ||
                                     reader_is(r, before, WORD_ROWS)))
                before = reader_before(r, before); /* "excluding those that" */
        if (before != NO_ATOM && atom_is_noun(r->atoms[before]) && before > 0 &&
            is_negation(r, before - 1) && r->used[before])
                before--;
        if (before == NO_ATOM || !is_negation(r, before))
                return false;
        r->used[before] = true;
        return true;
}

static bool is_null_word(const struct reader *r, size_t i)
{
        return reader_is(r, i, WORD_NULL) && !r->used[i];
}

static bool has_nulls(const struct reader *r, const struct refs *refs)
{
        if (refs->n == 0)
                return false;
        const struct column_facts *facts = reader_facts(r, refs);
        return facts->values ? facts->values->n_nulls > 0 : facts->column->nullable;
}

/* No value, no such property, or nothing of a number: what "without a discount" means depends on
 * the column. */
static void add_absence(struct reader *r, size_t column, bool present)
{
        const struct atom *atom = r->atoms[column];
        const struct column_facts *facts = reader_facts(r, &atom->refs);
        struct cond *cond;
        if (!facts->is_flag && !has_nulls(r, &atom->refs))
                r->intent->cost += facts->is_number ? 0.5 : 60;
        if (facts->is_flag) {
                cond = reader_cond(r, COND_FLAG, column);
                cond->negated = !present;
        } else if (facts->is_number && facts->values && facts->values->n_nulls == 0) {
                cond = reader_cond(r, COND_COMPARE, column);
                cond->op = present ? FILTER_GT : FILTER_EQ;
                cond->a = "0";
        } else {
                cond = reader_cond(r, COND_NULL, column);
                cond->negated = present;
        }
        cond->refs = atom->refs;
        cond->lacks = !present && cond->kind != COND_NULL;
        r->used[column] = true;
}

/* "products without orders": none of theirs. */
static void add_no_rows(struct reader *r, size_t noun)
{
        struct cond *cond = reader_cond(r, COND_NO_ROWS, noun);
        cond->index = r->atoms[noun]->index;
        r->used[noun] = true;
}

static bool is_share_noun(const struct reader *r, size_t i)
{
        return i < r->n && r->atoms[i]->kind == ATOM_COLUMN && !r->used[i];
}

/* "without A", "no A", "never A", and the same for "or B" behind it. */
static void read_without(struct reader *r, size_t i)
{
        size_t at = reader_next(r, i);
        bool neither = reader_is(r, i, WORD_NEITHER);
        while (at < r->n && !r->used[at]) {
                const struct atom *atom = r->atoms[at];
                size_t next;
                if (atom->kind == ATOM_TABLE && !neither)
                        add_no_rows(r, at);
                else if (atom->kind == ATOM_COLUMN) {
                        add_absence(r, at, false);
                        r->intent->conds[r->intent->n_conds - 1].apart = true;
                } else
                        return;
                r->used[i] = true;
                next = reader_next(r, at);
                /* "without a score value recorded" */
                if (!reader_is(r, next, WORD_OR) && !(neither && reader_is(r, next, WORD_AND)))
                        return;
                at = reader_next(r, next);
                if (at >= r->n || r->atoms[at]->kind != ATOM_COLUMN)
                        return;
                r->used[next] = true;
        }
}

/* "A is missing", "missing A", "have not A". */
static void read_missing(struct reader *r, size_t i)
{
        size_t after = reader_next(r, i);
        size_t before = reader_before(r, i);
        bool negated = before != NO_ATOM && reader_is(r, before, WORD_NOT);
        if (negated) {
                r->used[before] = true;
                before = reader_before(r, before);
        }
        size_t column = r->n;
        if (is_share_noun(r, after))
                column = after;
        else if (before != NO_ATOM && is_share_noun(r, before))
                column = before;
        if (column == r->n)
                return;
        r->used[i] = true;
        add_absence(r, column, negated);
}

/* "with a rating": one that is there. */
static void read_with(struct reader *r, size_t i)
{
        size_t column = i + 2;
        if (is_share_noun(r, i + 1) && i + 2 < r->n &&
            (atom_is(r->atoms[i + 2], WORD_ROWS) || r->atoms[i + 2]->kind == ATOM_TABLE) &&
            has_nulls(r, &r->atoms[i + 1]->refs)) {
                r->used[i + 2] = true; /* "have vibration readings" */
                add_absence(r, i + 1, true);
                return;
        }
        if (!reader_is(r, i + 1, WORD_A) || !is_share_noun(r, column) ||
            !has_nulls(r, &r->atoms[column]->refs))
                return;
        const struct atom *after = reader_atom(r, reader_next(r, column));
        if (after && (after->kind == ATOM_VALUE || after->kind == ATOM_NUMBER ||
                      atom_is(after, WORD_COMPARE_OP) || atom_is(after, WORD_CONTAINS) ||
                      atom_is(after, WORD_BETWEEN)))
                return;
        add_absence(r, column, true);
}

void read_absences(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                if (reader_is(r, i, WORD_WITHOUT) || reader_is(r, i, WORD_NEVER) ||
                    reader_is(r, i, WORD_NEITHER))
                        read_without(r, i);
                else if (is_null_word(r, i))
                        read_missing(r, i);
                else if (reader_is(r, i, WORD_WITH) || reader_is(r, i, WORD_HAVE))
                        read_with(r, i);
                else if (reader_is(r, i, WORD_NOT) && !r->used[i]) {
                        size_t column = reader_next(r, i);
                        bool has = reader_is(r, i + 1, WORD_HAVE) ||
                                   (column < r->n && column > i + 2 &&
                                    reader_is(r, column - 1, WORD_A) &&
                                    has_nulls(r, &r->atoms[column]->refs));
                        if (has && is_share_noun(r, column)) {
                                r->used[i] = true;
                                add_absence(r, column, false);
                        }
                }
        }
}

/* The text column that a pattern is about: the noun before, or the label of a table. */
static bool find_text_column(struct reader *r, size_t noun, struct refs *refs)
{
        const struct atom *atom = r->atoms[noun];
        const struct concepts *concepts = r->question->concepts;
        if (atom->kind == ATOM_COLUMN && reader_facts(r, &atom->refs)->column->kind == COLUMN_TEXT) {
                *refs = atom->refs;
                r->used[noun] = true;
                return true;
        }
        if (atom->kind == ATOM_ENTITY &&
            reader_facts(r, &atom->refs)->column->kind == COLUMN_TEXT) {
                *refs = atom->refs;
                return true;
        }
        if (atom->kind == ATOM_TABLE && concepts->tables[atom->index].label >= 0) {
                refs_add(refs, atom->index, concepts->tables[atom->index].label);
                return true;
        }
        return false;
}

static void read_pattern(struct reader *r, size_t i)
{
        const struct atom *atom = r->atoms[i];
        bool named = atom_is(atom, WORD_NAMED);
        size_t text = reader_next(r, i);
        struct refs refs = {.n = 0};
        size_t noun = reader_before(r, i);
        bool negated = false;
        if (noun != NO_ATOM && reader_is(r, noun, WORD_NOT)) {
                negated = true;
                r->used[noun] = true;
                noun = reader_before(r, noun);
        }
        if (text >= r->n || r->atoms[text]->kind != ATOM_TEXT || noun == NO_ATOM)
                return;
        /* "contain Warehouse in their name" */
        size_t behind = reader_next(r, text);
        if (behind < r->n && r->atoms[behind]->kind == ATOM_COLUMN &&
            (reader_is(r, text + 1, WORD_IN)))
                noun = behind;
        if (!find_text_column(r, noun, &refs))
                return;
        struct cond *cond = reader_cond(r, COND_TEXT, i);
        cond->refs = refs;
        cond->op = named ? FILTER_EQ : (enum filter_op)atom->arg;
        cond->text = r->atoms[text]->text;
        cond->negated = negated;
        r->used[i] = r->used[text] = true;
}

/* 'have "lamp" in their name', 'named "Lamp"', 'status "open"'. */
static void read_quoted(struct reader *r, size_t i)
{
        size_t behind = reader_next(r, i);
        size_t before = reader_before(r, i);
        struct refs refs = {.n = 0};
        bool in = reader_is(r, i + 1, WORD_IN) && behind < r->n &&
                  r->atoms[behind]->kind == ATOM_COLUMN;
        size_t noun = in ? behind : before;
        if (noun == NO_ATOM || noun >= r->n || !find_text_column(r, noun, &refs))
                return;
        struct cond *cond = reader_cond(r, COND_TEXT, i);
        cond->refs = refs;
        r->intent->cost += in ? 0 : 0.5;
        cond->op = in ? FILTER_CONTAINS : FILTER_EQ;
        cond->text = r->atoms[i]->text;
        r->used[i] = true;
}

void read_patterns(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++)
                if ((reader_is(r, i, WORD_CONTAINS) || reader_is(r, i, WORD_NAMED)) && !r->used[i])
                        read_pattern(r, i);
        for (size_t i = 0; i < r->n; i++)
                if (r->atoms[i]->kind == ATOM_TEXT && !r->used[i])
                        read_quoted(r, i);
}

/* A column right beside its value only says which column it is: "category Books", "Books
 * category", "the zone is North". */
static void take_column_of_value(struct reader *r, size_t i)
{
        const struct atom *value = r->atoms[i];
        size_t before = reader_before(r, i);
        size_t after = i + 1 < r->n && atom_is_soft(r->atoms[i + 1]) &&
                                       r->atoms[i + 1]->kind != ATOM_LIGHT
                               ? r->n
                               : reader_next(r, i);
        size_t behind = reader_is(r, i + 1, WORD_IN) ? reader_next(r, i) : r->n;
        if (behind < r->n && value->is_part && r->atoms[behind]->kind == ATOM_COLUMN)
                after = behind; /* "Garden in the title" */
        const size_t beside[] = {before, after};
        for (size_t k = 0; k < 2; k++) {
                size_t noun = beside[k];
                if (noun == NO_ATOM || noun >= r->n || r->used[noun])
                        continue;
                const struct atom *atom = r->atoms[noun];
                if ((atom->kind == ATOM_COLUMN || atom->kind == ATOM_ENTITY) &&
                    refs_meet(&atom->refs, &value->refs)) {
                        r->used[noun] = true;
                        r->intent->cost -= 0.5;
                }
        }
}

/* Which word negates what stands at i. */
static void note_negation(const struct reader *r, size_t i, struct cond *cond)
{
        size_t before = reader_before(r, i);
        while (before != NO_ATOM && before > 0 && !is_negation(r, before) &&
               (atom_is_noun(r->atoms[before]) || reader_is(r, before, WORD_THOSE) ||
                reader_is(r, before, WORD_ROWS) || reader_is(r, before, WORD_BY)))
                before--;
        if (before == NO_ATOM)
                return;
        cond->lacks = reader_is(r, before, WORD_WITHOUT) || reader_is(r, before, WORD_NEVER);
        cond->excepted = reader_is(r, before, WORD_EXCEPT) || cond->lacks;
}

static void add_value(struct reader *r, size_t i)
{
        take_column_of_value(r, i);
        struct cond *cond = reader_cond(r, COND_VALUES, i);
        cond->refs = r->atoms[i]->refs;
        cond->value = r->atoms[i];
        note_negation(r, i, cond);
        cond->negated = take_negation(r, i);
        r->used[i] = true;
}

/* The date column that a time belongs to: the noun right before it ("hired in 2023", "the
 * discharge date is in May"), if it is one. */
static void find_time_column(struct reader *r, size_t i, struct refs *refs)
{
        size_t before = reader_before(r, i);
        if (before == NO_ATOM || r->atoms[before]->kind != ATOM_COLUMN)
                return;
        const struct column_facts *facts = reader_facts(r, &r->atoms[before]->refs);
        if (!facts->is_moment && !facts->is_year)
                return;
        *refs = r->atoms[before]->refs;
        r->used[before] = true;
}

static void add_time(struct reader *r, size_t i)
{
        struct refs refs = {.n = 0};
        size_t before = reader_before(r, i);
        struct timex time = r->atoms[i]->time;
        if (before != NO_ATOM && reader_is(r, before, WORD_COMPARE_OP) && !r->used[before] &&
            time.kind == TIME_RANGE) {
                enum filter_op op = (enum filter_op)r->atoms[before]->arg;
                bool later = op == FILTER_GT || op == FILTER_GE;
                if (op == FILTER_GT)
                        (void)memcpy(time.from, time.to, sizeof(time.from));
                if (op == FILTER_LT)
                        (void)memcpy(time.to, time.from, sizeof(time.to));
                time.from_open = op == FILTER_GT;
                time.to_open = op == FILTER_LT;
                if (op != FILTER_EQ)
                        (later ? time.to : time.from)[0] = '\0';
                r->used[before] = true;
                size_t column = reader_before(r, before);
                if (column != NO_ATOM && r->atoms[column]->kind == ATOM_COLUMN) {
                        r->used[column] = true;
                        refs = r->atoms[column]->refs;
                }
        } else {
                find_time_column(r, i, &refs);
        }
        struct cond *cond = reader_cond(r, COND_TIME, i);
        cond->time = time;
        cond->refs = refs;
        size_t negation = reader_before(r, i);
        cond->negated = take_negation(r, i);
        if (cond->negated && refs.n > 0 && negation != NO_ATOM &&
            !reader_is(r, negation, WORD_EXCEPT))
                r->intent->cost += 60; /* "not ordered in the last month": by none of its orders */
        r->used[i] = true;
}

static void add_segment(struct reader *r, size_t i)
{
        struct cond *cond = reader_cond(r, COND_SEGMENT, i);
        cond->index = r->atoms[i]->index;
        size_t joint = reader_before(r, i);
        if (joint != NO_ATOM && joint > 0 && reader_is(r, joint, WORD_AND) &&
            r->atoms[joint - 1]->kind == ATOM_TABLE && r->intent->n_wants > 0 && i > joint &&
            r->atoms[i]->n > 2)
                r->intent->cost += 60; /* "tickets and tickets that missed": two counts */
        note_negation(r, i, cond);
        cond->negated = take_negation(r, i);
        r->used[i] = true;
}

/* A flag is a condition where no noun is wanted: "returned orders", "smokers". */
static void add_flag(struct reader *r, size_t i)
{
        struct cond *cond = reader_cond(r, COND_FLAG, i);
        r->intent->cost += 0.3;
        cond->refs = r->atoms[i]->refs;
        note_negation(r, i, cond);
        cond->negated = take_negation(r, i);
        r->used[i] = true;
        /* "PhoneService = Yes" */
        size_t after = reader_next(r, i);
        if (after < r->n && r->atoms[after]->kind == ATOM_VALUE &&
            refs_meet(&r->atoms[after]->refs, &cond->refs)) {
                r->intent->n_conds--;
                add_value(r, after);
        }
}

void read_conditions(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                if (r->used[i])
                        continue;
                if (atom->kind == ATOM_VALUE)
                        add_value(r, i);
                else if (atom->kind == ATOM_TIME)
                        add_time(r, i);
                else if (atom->kind == ATOM_SEGMENT)
                        add_segment(r, i);
                else if (reader_is_flag(r, atom))
                        add_flag(r, i);
        }
}

static void sort_by_place(struct intent *intent)
{
        for (size_t i = 1; i < intent->n_conds; i++)
                for (size_t k = i; k > 0 && intent->conds[k].at < intent->conds[k - 1].at; k--) {
                        struct cond moved = intent->conds[k];
                        intent->conds[k] = intent->conds[k - 1];
                        intent->conds[k - 1] = moved;
                }
}

/* What stands between two conditions: the joint, or WORD_NONE; false when there is anything that
 * keeps them apart. */
static bool find_joint(struct reader *r, const struct cond *a, const struct cond *b,
                       enum word *joint)
{
        *joint = WORD_NONE;
        for (size_t i = a->at + 1; i < b->at; i++) {
                const struct atom *atom = r->atoms[i];
                bool plain = atom_is_soft(atom) || atom_is(atom, WORD_NOT) ||
                             (atom_is(atom, WORD_AND) && atom->arg == 1) ||
                             atom_is(atom, WORD_EXCEPT) || atom_is(atom, WORD_COMPARE_OP) ||
                             atom->kind == ATOM_NUMBER || atom->kind == ATOM_COLUMN ||
                             atom_is(atom, WORD_WITHOUT) || atom_is(atom, WORD_WHAT_ABOUT) ||
                             atom->kind == ATOM_ADJECTIVE || atom->kind == ATOM_TABLE;
                if (atom_is(atom, WORD_OR) || (atom_is(atom, WORD_AND) && atom->arg == 0) ||
                    atom_is(atom, WORD_VERSUS) || atom_is(atom, WORD_COMMA) ||
                    atom_is(atom, WORD_TO)) {
                        if (*joint == WORD_NONE || *joint == WORD_COMMA)
                                *joint = atom->word;
                        r->used[i] = true;
                } else if (!plain && !r->used[i]) {
                        return false;
                }
        }
        return *joint != WORD_NONE;
}

static bool is_compare(const struct reader *r)
{
        for (size_t i = 0; i < r->n; i++)
                if (reader_is(r, i, WORD_COMPARE) || reader_is(r, i, WORD_VERSUS))
                        return true;
        return false;
}

static void group_by_refs(struct reader *r, const struct refs *refs, size_t at)
{
        struct intent *intent = r->intent;
        for (size_t g = 0; g < intent->n_groups; g++)
                if (refs_meet(&intent->groups[g].refs, refs))
                        return;
        if (intent->n_groups < GROUPS_MAX)
                intent->groups[intent->n_groups++] = (struct group){.refs = *refs, .at = at};
}

/* True when the numbers asked for are averages and the like, which say nothing of two kinds taken
 * together: "median age of men and women". */
static bool is_averaged(const struct reader *r)
{
        const struct intent *intent = r->intent;
        if (intent->n_groups > 0 || intent->n_wants == 0)
                return false;
        for (size_t w = 0; w < intent->n_wants; w++) {
                const struct want *want = &intent->wants[w];
                bool averaged = want->kind == WANT_COLUMN &&
                                (want->func == FUNC_AVG || want->func == FUNC_MEDIAN);
                if (!averaged)
                        return false;
        }
        return true;
}

static void join(struct reader *r, struct cond *a, struct cond *b, enum word joint)
{
        bool same = refs_meet(&a->refs, &b->refs) && a->refs.n > 0;
        bool versus = joint == WORD_VERSUS || (is_compare(r) && joint == WORD_AND);
        if (a->kind == COND_VALUES && b->kind == COND_VALUES && same &&
            (joint == WORD_TO || (b->negated && !a->negated))) {
                r->intent->cost += 60; /* "Books but never Toys", "from online to offline" */
        } else if (a->kind == COND_VALUES && b->kind == COND_VALUES && same &&
            a->n_value2 < sizeof(a->value2) / sizeof(a->value2[0])) {
                a->value2[a->n_value2++] = b->value;
                for (size_t v = 0; v < b->n_value2 && a->n_value2 < 12; v++)
                        a->value2[a->n_value2++] = b->value2[v];
                b->dropped = true;
                for (size_t i = 0; i < r->n; i++)
                        if (reader_is(r, i, WORD_BOTH))
                                r->intent->cost += 60; /* "bought both Books and Toys" */
                r->intent->cost -= 0.3; /* two of a kind */
                if (versus || (joint == WORD_AND && !a->negated && is_averaged(r)))
                        group_by_refs(r, &a->refs, a->at);
        } else if (a->kind == COND_COMPARE && b->kind == COND_COMPARE && same &&
                   a->op == FILTER_EQ && b->op == FILTER_EQ && a->n_more < 8) {
                a->more[a->n_more++] = b->a; /* "agent 105 compared to agent 110" */
                b->dropped = true;
                if (versus || (joint == WORD_AND && is_averaged(r)))
                        group_by_refs(r, &a->refs, a->at);
        } else if (a->kind == COND_FLAG && b->kind == COND_FLAG && same &&
                   (versus || (joint == WORD_AND && a->negated != b->negated))) {
                a->dropped = b->dropped = true;
                group_by_refs(r, &a->refs, a->at);
        } else if (joint == WORD_OR && a->apart && b->apart) {
                return;
        } else if (joint == WORD_OR && !a->negated) {
                if (!a->either)
                        a->either = ++r->n_either;
                b->either = a->either;
        } else if (joint == WORD_OR && a->negated) {
                b->negated = true; /* not A or B */
        }
}

void read_joints(struct reader *r)
{
        struct intent *intent = r->intent;
        struct cond *before = NULL;
        sort_by_place(intent);
        for (size_t i = 0; i < intent->n_conds; i++) {
                struct cond *cond = &intent->conds[i];
                enum word joint;
                if (cond->dropped)
                        continue;
                if (before && find_joint(r, before, cond, &joint))
                        join(r, before, cond, joint);
                if (cond->dropped && before)
                        before->at = cond->at;
                else
                        before = cond;
        }
}
