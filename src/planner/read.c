#include "planner/reader.h"

#include <string.h>

bool atom_is(const struct atom *atom, enum word word)
{
        return atom->kind == ATOM_WORD && atom->word == word;
}

bool atom_is_soft(const struct atom *atom)
{
        static const enum word soft[] = {WORD_A,          WORD_POSSESSIVE, WORD_IN,   WORD_OF,
                                         WORD_FOR,        WORD_FROM,       WORD_IS,   WORD_HAVE,
                                         WORD_DO,         WORD_THAT,       WORD_WITH, WORD_OPEN,
                                         WORD_CLOSE,      WORD_LIST,       WORD_WHAT, WORD_TIME,
                                         WORD_ON_AVERAGE, WORD_IN_TOTAL,   WORD_BOTH};
        if (atom->kind == ATOM_LIGHT)
                return true;
        if (atom->kind != ATOM_WORD || atom->word == WORD_TIME)
                return false;
        for (size_t i = 0; i < sizeof(soft) / sizeof(soft[0]); i++)
                if (atom->word == soft[i])
                        return true;
        return false;
}

bool atom_is_noun(const struct atom *atom)
{
        bool thing = atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY;
        return (thing && !atom->is_verb) || atom->kind == ATOM_COLUMN;
}

size_t reader_next(const struct reader *r, size_t i)
{
        for (i++; i < r->n; i++)
                if (!atom_is_soft(r->atoms[i]))
                        return i;
        return r->n;
}

size_t reader_before(const struct reader *r, size_t i)
{
        while (i > 0 && i != NO_ATOM)
                if (!atom_is_soft(r->atoms[--i]))
                        return i;
        return NO_ATOM;
}

const struct atom *reader_atom(const struct reader *r, size_t i)
{
        return i < r->n ? r->atoms[i] : NULL;
}

bool reader_is(const struct reader *r, size_t i, enum word word)
{
        return i < r->n && atom_is(r->atoms[i], word);
}

const struct column_facts *reader_facts(const struct reader *r, const struct refs *refs)
{
        return concept_column(r->question->concepts, refs->at[0]);
}

bool reader_may_be_empty(const struct reader *r, const struct refs *refs)
{
        const struct column_facts *facts = reader_facts(r, refs);
        return facts->values && facts->values->n_nulls > 0;
}

bool reader_is_number(const struct reader *r, const struct atom *atom)
{
        if (atom->kind != ATOM_COLUMN)
                return false;
        const struct column_facts *facts = reader_facts(r, &atom->refs);
        return facts->is_number && !facts->is_id && !facts->is_flag;
}

bool reader_is_flag(const struct reader *r, const struct atom *atom)
{
        return atom->kind == ATOM_COLUMN && reader_facts(r, &atom->refs)->is_flag;
}

bool reader_is_moment(const struct reader *r, const struct atom *atom)
{
        return atom->kind == ATOM_COLUMN && reader_facts(r, &atom->refs)->is_moment;
}

struct cond *reader_cond(struct reader *r, enum cond_kind kind, size_t at)
{
        static _Thread_local struct cond beyond;
        struct intent *intent = r->intent;
        struct cond *cond =
                intent->n_conds < CONDS_MAX ? &intent->conds[intent->n_conds++] : &beyond;
        if (cond == &beyond)
                intent->cost += COST_TOO_MUCH;
        *cond = (struct cond){.kind = kind, .at = at, .index = -1};
        cond->want = want_of(WANT_NONE);
        return cond;
}

struct want *reader_want(struct reader *r, enum want_kind kind)
{
        static _Thread_local struct want beyond;
        struct intent *intent = r->intent;
        struct want *want =
                intent->n_wants < WANTS_MAX ? &intent->wants[intent->n_wants++] : &beyond;
        if (want == &beyond)
                intent->cost += COST_TOO_MUCH;
        *want = want_of(kind);
        return want;
}

static bool may_be_followed(const struct atom *atom)
{
        return atom->kind == ATOM_COLUMN || atom->kind == ATOM_MEASURE ||
               atom->kind == ATOM_SEGMENT || atom->kind == ATOM_ADJECTIVE;
}

/* "How do Email and Phone compare on ...?" */
static bool asks_to_compare(const struct reader *r)
{
        for (size_t i = 0; i < r->n; i++)
                if (atom_is(r->atoms[i], WORD_COMPARE))
                        return true;
        return false;
}

/* True when the question says how old, at the most. */
static bool limits_age(const struct reader *r)
{
        for (size_t i = 0; i < r->intent->n_conds; i++) {
                const struct cond *cond = &r->intent->conds[i];
                bool most = cond->kind == COND_BETWEEN ||
                            (cond->kind == COND_COMPARE &&
                             (cond->op == FILTER_LT || cond->op == FILTER_LE));
                if (most && strcmp(reader_facts(r, &cond->refs)->words[0], "age") == 0)
                        return true;
        }
        return false;
}

/* True when what is asked for is in that money: the unit of its measure or column begins as "USD"
 * where "dollars" was said. */
static bool is_wants_money(const struct reader *r, const struct atom *atom)
{
        if (r->intent->n_wants == 0)
                return false;
        const struct want *want = &r->intent->wants[0];
        const char *unit = NULL;
        if (want->kind == WANT_MEASURE)
                unit = r->question->concepts->dataset->measures[want->index].unit;
        else if (want->refs.n > 0)
                unit = reader_facts(r, &want->refs)->column->unit;
        const char *said = r->question->tokens[atom->first].text;
        bool euros = said[0] == 'e';
        return unit && strcmp(unit, euros ? "EUR" : "USD") == 0;
}

/* The first atom that means something and was not taken. */
static const struct atom *find_left(const struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                static const enum word free_words[] = {
                        WORD_AND,     WORD_WHICH,      WORD_WHO,     WORD_COMMA, WORD_TO,
                        WORD_ROWS,    WORD_ONLY,       WORD_THOSE,   WORD_ALSO,  WORD_DISTRIBUTION,
                        WORD_INSTEAD, WORD_WHAT_ABOUT, WORD_COMPARE, WORD_FIRST, WORD_BOTH};
                bool is_free = false;
                if (atom->kind == ATOM_LIGHT && atom->n == 1 &&
                    strcmp(r->question->tokens[atom->first].text, "how") == 0 &&
                    !(i + 1 < r->n && (r->atoms[i + 1]->kind == ATOM_ADJECTIVE ||
                                       r->atoms[i + 1]->kind == ATOM_COLUMN)) &&
                    !asks_to_compare(r))
                        return atom;
                if (atom->kind == ATOM_LIGHT && atom->n == 1 && i + 1 < r->n &&
                    strcmp(r->question->tokens[atom->first].text, "like") == 0 &&
                    (r->atoms[i + 1]->kind == ATOM_VALUE ||
                     (i + 2 < r->n && r->atoms[i + 2]->kind == ATOM_VALUE)))
                        return atom; /* "films like Atlas" are not Atlas */
                if (atom_is(atom, WORD_LIST) && i > 0 &&
                    (reader_is(r, i - 1, WORD_BY) || reader_is(r, i - 1, WORD_OF) ||
                     reader_is(r, i - 1, WORD_PER) || reader_is(r, i - 1, WORD_EACH)))
                        return atom; /* "by return date" */
                if (atom_is(atom, WORD_ROWS) && atom->arg == ROWS_YOUNG && !limits_age(r))
                        return atom;
                if (atom->kind == ATOM_LIGHT && atom->arg == LIGHT_BEHIND_NAME &&
                    !(i > 0 && may_be_followed(r->atoms[i - 1])) &&
                    !(i > 0 && atom_is(r->atoms[i - 1], WORD_SUPER)) &&
                    !(reader_is(r, i + 1, WORD_OF) &&
                      r->question->tokens[atom->first].text[0] != 'n'))
                        return atom;
                if (r->used[i] || atom_is_soft(atom) ||
                    (atom_is(atom, WORD_PERCENT) && i > 0 && r->atoms[i - 1]->kind == ATOM_COLUMN))
                        continue;
                if (atom_is(atom, WORD_MONEY) && i > 0 && reader_is(r, i - 1, WORD_IN) &&
                    is_wants_money(r, atom))
                        continue; /* "discount amount in dollars" */
                if (atom_is(atom, WORD_OR_MORE) && atom->n == 1 && i > 0 && i + 1 < r->n &&
                    atom_is_noun(r->atoms[i - 1]) && atom_is_noun(r->atoms[i + 1]))
                        continue; /* "name + age" */
                is_free = (atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY) && atom->is_verb;
                for (size_t w = 0; w < sizeof(free_words) / sizeof(free_words[0]); w++)
                        is_free = is_free || atom_is(atom, free_words[w]);
                if (!is_free)
                        return atom;
        }
        return NULL;
}

static const struct atom *find_refusal(const struct reader *r)
{
        for (size_t i = 0; i < r->n; i++)
                if (atom_is(r->atoms[i], WORD_REFUSE))
                        return r->atoms[i];
        return NULL;
}

static const struct atom *find_unknown(const struct reader *r)
{
        for (size_t i = 0; i < r->n; i++)
                if (r->atoms[i]->kind == ATOM_UNKNOWN)
                        return r->atoms[i];
        return NULL;
}

/* "Is it higher?" asks for a yes or a no, and "Discharge patient 7 today" for nothing. */
static bool asks_yes_or_no(const struct reader *r)
{
        if (r->n == 0)
                return false;
        if (atom_is(r->atoms[0], WORD_IS) || atom_is(r->atoms[0], WORD_DO) ||
            atom_is(r->atoms[0], WORD_HAVE))
                return true;
        size_t noun = 1;
        while (noun < r->n && r->atoms[noun]->kind == ATOM_LIGHT)
                noun++;
        bool thing = noun < r->n &&
                     (r->atoms[noun]->kind == ATOM_ENTITY || r->atoms[noun]->kind == ATOM_TABLE);
        return thing && r->atoms[0]->kind == ATOM_COLUMN && r->atoms[0]->n == 1 &&
               !r->atoms[0]->plural && reader_facts(r, &r->atoms[0]->refs)->is_moment;
}

static void read_marks(struct reader *r)
{
        struct intent *intent = r->intent;
        for (size_t i = 0; i < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                if (atom_is(atom, WORD_INSTEAD) || atom_is(atom, WORD_WHAT_ABOUT))
                        intent->replaces = true;
                if (atom_is(atom, WORD_ON_AVERAGE) || atom_is(atom, WORD_IN_TOTAL)) {
                        r->used[i] = true;
                        intent->on_average |= atom_is(atom, WORD_ON_AVERAGE);
                        intent->in_total |= atom_is(atom, WORD_IN_TOTAL);
                }
                intent->how_much |=
                        atom_is(atom, WORD_HOW_MUCH) || (i == 0 && atom_is(atom, WORD_WHAT) &&
                                                         r->n > 1 && atom_is(r->atoms[1], WORD_DO));
                if (atom_is(atom, WORD_WHICH) || atom_is(atom, WORD_WHO))
                        intent->is_which = true;
                if (atom_is(atom, WORD_LIST))
                        intent->says_list = true;
                if (atom_is(atom, WORD_WHO))
                        intent->is_who = true;
                if (atom_is(atom, WORD_WHAT)) {
                        intent->is_which = true;
                        intent->is_what = true;
                }
                if (atom_is(atom, WORD_WHEN)) {
                        intent->is_when = i == 0;
                        r->used[i] = true;
                }
                if (atom->kind == ATOM_TABLE && intent->n_tables < 4)
                        intent->tables[intent->n_tables++] = atom->index;
                if (atom_is(atom, WORD_DISTINCT))
                        intent->distinct = true;
        }
}

bool intent_read(const struct question *question, const struct path *path, struct intent *ret,
                 struct misread *misread)
{
        struct reader r = {.question = question,
                           .atoms = path->atoms,
                           .n = path->n,
                           .intent = ret,
                           .share_at = path->n,
                           .share_noun = path->n,
                           .rate_at = path->n};
        *ret = (struct intent){0};
        *misread = (struct misread){.refused = -1};
        ret->rank.want.index = ret->rank.want.table = ret->rank.want.segment = -1;
        const struct atom *refusal = find_refusal(&r);
        if (refusal) {
                misread->stuck = refusal;
                misread->refused = refusal->arg;
                return false;
        }
        misread->stuck = find_unknown(&r);
        if (misread->stuck)
                return false;
        if (asks_yes_or_no(&r)) {
                misread->stuck = path->atoms[0];
                return false;
        }
        read_marks(&r);
        read_shares(&r);
        read_ranks(&r);
        read_numbers(&r);
        read_absences(&r);
        read_patterns(&r);
        read_groups(&r);
        read_wants(&r);
        read_conditions(&r);
        read_joints(&r);
        read_share_conditions(&r);
        read_nouns(&r);
        misread->stuck = find_left(&r);
        return misread->stuck == NULL && ret->cost < COST_MAX;
}
