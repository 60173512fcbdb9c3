/* Shares and rates: "what share of the tickets is open", "the churn rate". */
#include "planner/reader.h"

#define VERB_COST_MIN 0.55 /* of light words, those that cost more are verbs: "made", "got" */

/* "ICU admissions as a percentage of all admissions": the part stands before. */
static bool find_part(struct reader *r, size_t i)
{
        size_t whole = reader_next(r, i);
        if (whole >= r->n || r->atoms[whole]->kind != ATOM_TABLE || r->share_at < r->n)
                return false;
        for (size_t k = i; k > 0; k--) {
                const struct atom *atom = r->atoms[k - 1];
                if (atom->kind != ATOM_VALUE && !reader_is_flag(r, atom))
                        continue;
                r->used[i] = r->used[whole] = true;
                r->share_at = r->share_noun = r->rate_at = k - 1;
                r->intent->share = SHARE_OF_ROWS;
                return true;
        }
        return false;
}

static bool is_condition(const struct reader *r, size_t i)
{
        return r->atoms[i]->kind == ATOM_VALUE || reader_is_flag(r, r->atoms[i]);
}

/* "ratio of male to female employees": one condition before "to", one behind. */
static bool read_ratio_of(struct reader *r, size_t i)
{
        size_t to = i;
        size_t n = 0;
        while (to < r->n && !(reader_is(r, to, WORD_TO) && r->atoms[to]->arg == 0)) {
                if (is_condition(r, to))
                        n++;
                to++;
        }
        if (n != 1 || to >= r->n)
                return false;
        size_t part = to;
        size_t whole = to + 1;
        while (!is_condition(r, part))
                part--;
        while (whole < r->n && whole < to + 4 && !is_condition(r, whole))
                whole++;
        if (whole >= r->n || whole >= to + 4)
                return false;
        r->used[i] = r->used[to] = true;
        if (reader_is(r, whole + 1, WORD_UNIT) && r->atoms[whole + 1]->arg == UNIT_DAY)
                r->used[whole + 1] = true; /* "sunny to cloudy days" */
        r->ratio_part = part;
        r->ratio_whole = whole;
        r->intent->share = SHARE_TO_ROWS;
        return true;
}

/* Shares: "what share of X is Y". */
void read_shares(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                if (atom_is(atom, WORD_SHARE) && atom->arg == 0 && r->share_at == r->n) {
                        r->share_at = i;
                        r->used[i] = true;
                        r->intent->share = SHARE_OF_ROWS;
                } else if (atom_is(atom, WORD_SHARE) && r->share_at == r->n && i > 0 &&
                           r->atoms[i - 1]->kind != ATOM_NUMBER && !reader_is(r, i - 1, WORD_IN)) {
                        r->share_at = i;
                        r->used[i] = true;
                        r->intent->share = SHARE_OF_ROWS;
                } else if (atom_is(atom, WORD_DIVIDED) && atom->arg == 100 && find_part(r, i)) {
                        continue;
                } else if (atom_is(atom, WORD_RATE) && atom->arg == 1 && read_ratio_of(r, i)) {
                        continue;
                } else if (atom_is(atom, WORD_RATE) && i > 0) {
                        size_t before = reader_before(r, i);
                        bool flag = before != NO_ATOM && before + 1 == i &&
                                    (reader_is_flag(r, r->atoms[before]) ||
                                     r->atoms[before]->kind == ATOM_VALUE);
                        if (!flag)
                                continue;
                        r->used[i] = true;
                        r->share_at = before;
                        r->share_noun = before;
                        r->rate_at = before;
                        r->intent->share = SHARE_OF_ROWS;
                }
        }
}

static bool is_thing(const struct atom *atom)
{
        return atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY || atom_is(atom, WORD_ROWS);
}

static void take_share_noun(struct reader *r, size_t i)
{
        struct want want;
        size_t noun = reader_last_noun(r, i);
        if (r->atoms[noun]->kind == ATOM_SEGMENT)
                noun = i;
        read_noun_count(r, r->atoms[noun], false, &want);
        *reader_want(r, want.kind) = want;
        r->used[noun] = true;
        r->share_noun = noun;
}

/* True when what stands behind i says more of what the share is of: "closed or open tickets". */
static bool describes_share(const struct reader *r, size_t i)
{
        size_t next = i + 1;
        while (reader_is(r, next, WORD_OR) || reader_is(r, next, WORD_AND) ||
               reader_is(r, next, WORD_COMMA))
                next++;
        const struct atom *atom = reader_atom(r, next);
        return atom && (is_thing(atom) || atom->kind == ATOM_SEGMENT || atom->kind == ATOM_VALUE);
}

static bool is_compared(const struct reader *r, const struct atom *atom)
{
        for (size_t k = 0; k < r->intent->n_conds; k++) {
                const struct cond *cond = &r->intent->conds[k];
                if (cond->kind == COND_COMPARE && refs_meet(&cond->refs, &atom->refs))
                        return true;
        }
        return false;
}

static void require_value(struct reader *r, size_t i)
{
        struct cond *cond = reader_cond(r, COND_NULL, i);
        cond->refs = r->atoms[i]->refs;
        cond->negated = true;
}

void read_share_noun(struct reader *r)
{
        if (r->share_at >= r->n || r->share_noun < r->n)
                return;
        for (size_t i = r->share_at + 1; i < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                if (r->used[i] && atom->kind != ATOM_COLUMN)
                        continue;
                if (is_thing(atom)) {
                        take_share_noun(r, i);
                        return;
                }
                if (atom->kind == ATOM_SEGMENT || atom->kind == ATOM_VALUE ||
                    reader_is_flag(r, atom)) {
                        r->share_noun = i;
                        if (!describes_share(r, i))
                                return;
                } else if (reader_is_number(r, atom) && atom->plural && is_compared(r, atom)) {
                        r->share_noun = i; /* "of the ratings": of the rows that have one */
                        r->used[i] = true;
                        require_value(r, i);
                        (void)reader_want(r, WANT_ROWS);
                        return;
                } else if (atom->kind == ATOM_MEASURE || reader_is_number(r, atom) ||
                           atom_is(atom, WORD_FUNC) || atom_is(atom, WORD_COUNT)) {
                        r->share_noun = i; /* read_wants() makes a want of it */
                        return;
                }
        }
}

/* A verb parts what a share is among from what it is of: "of the tickets in January | were
 * closed". */
static bool is_verb(const struct atom *atom)
{
        return atom_is(atom, WORD_IS) || atom_is(atom, WORD_HAVE) || atom_is(atom, WORD_DO) ||
               atom_is(atom, WORD_THAT) || (atom->kind == ATOM_LIGHT && atom->cost > VERB_COST_MIN);
}

/* "What share of the orders does each category make up": parts of the total. */
static bool asks_does_each(const struct reader *r, size_t i)
{
        while (i > 0 && !reader_is(r, i, WORD_EACH))
                i--;
        return i > 0 && reader_is(r, i - 1, WORD_DO);
}

/* "of the tickets with a score got a 5": those that have one, though the score is compared. */
static void add_had(struct reader *r, size_t i)
{
        size_t with = i;
        while (with > 0 &&
               (reader_is(r, with - 1, WORD_A) || r->atoms[with - 1]->kind == ATOM_LIGHT))
                with--;
        if (with == 0 || r->atoms[i]->kind != ATOM_COLUMN || !reader_is(r, with - 1, WORD_WITH) ||
            !reader_may_be_empty(r, &r->atoms[i]->refs))
                return;
        require_value(r, i);
        r->used[i] = true;
}

static void set_ratio_roles(struct reader *r)
{
        size_t parts = 0;
        size_t wholes = 0;
        for (size_t i = 0; i < r->intent->n_conds; i++) {
                struct cond *cond = &r->intent->conds[i];
                if (cond->at == r->ratio_part)
                        cond->role = ROLE_PART;
                else if (cond->at == r->ratio_whole)
                        cond->role = ROLE_WHOLE;
                parts += cond->role == ROLE_PART;
                wholes += cond->role == ROLE_WHOLE;
        }
        if (parts == 0 || wholes == 0 || r->intent->n_wants > 0)
                r->intent->cost += COST_SENSELESS;
        else
                (void)reader_want(r, WANT_ROWS);
}

void read_share_conditions(struct reader *r)
{
        struct intent *intent = r->intent;
        size_t verb = r->n;
        size_t n_marked = 0;
        if (intent->share == SHARE_TO_ROWS)
                set_ratio_roles(r);
        if (intent->share != SHARE_OF_ROWS)
                return;
        size_t noun = r->share_noun < r->n ? r->share_noun : r->share_at;
        for (size_t i = 0; i < intent->n_conds; i++) {
                struct cond *cond = &intent->conds[i];
                for (size_t k = noun + 1; k < cond->at && verb == r->n; k++)
                        if (is_verb(r->atoms[k]) && cond->kind != COND_TIME)
                                verb = k;
        }
        for (size_t k = noun + 1; k < verb && verb < r->n; k++)
                add_had(r, k);
        bool each = false;
        for (size_t g = 0; g < intent->n_groups; g++)
                each = each || asks_does_each(r, intent->groups[g].at) ||
                       (r->share_noun < r->n && r->atoms[r->share_noun]->kind == ATOM_SEGMENT);
        for (int pass = 0; pass < (each ? 2 : 3) && n_marked == 0; pass++) {
                for (size_t i = 0; i < intent->n_conds; i++) {
                        struct cond *cond = &intent->conds[i];
                        bool is_of = pass == 0   ? verb < r->n && cond->at > verb
                                     : pass == 1 ? cond->at > noun
                                                 : cond->at > r->share_at && cond->at <= noun;
                        if (r->rate_at < r->n)
                                is_of = cond->at == r->rate_at;
                        if (cond->kind == COND_TIME || cond->kind == COND_HAVING || cond->dropped ||
                            (cond->kind == COND_NULL && cond->at == r->share_noun) ||
                            (cond->negated && cond->excepted))
                                continue;
                        cond->role = is_of ? ROLE_PART : ROLE_FILTER;
                        n_marked += is_of;
                }
        }
        if (n_marked == 0)
                intent->share = SHARE_OF_TOTAL;
}
