/* What the remaining nouns are for: a group, the rows of a list, or only the context. */
#include "planner/reader.h"

#include <string.h>

static bool has_having(const struct intent *intent)
{
        for (size_t k = 0; k < intent->n_conds; k++) {
                if (intent->conds[k].kind == COND_HAVING)
                        return true;
        }
        return false;
}

/* Right behind "which" or "what". */
static bool is_asked_for(const struct reader *r, size_t i)
{
        while (i > 0 && r->atoms[i - 1]->kind == ATOM_LIGHT)
                i--;
        return i > 0 && (reader_is(r, i - 1, WORD_WHICH) || reader_is(r, i - 1, WORD_WHAT));
}

static void show(struct reader *r, const struct refs *refs)
{
        struct intent *intent = r->intent;
        for (size_t s = 0; s < intent->n_shown; s++)
                if (refs_meet(&intent->shown[s], refs))
                        return;
        if (intent->n_shown < SHOWN_MAX)
                intent->shown[intent->n_shown++] = *refs;
}

/* "orders and revenue by month": two numbers. */
static bool stands_beside(const struct reader *r, size_t i)
{
        size_t before = reader_before(r, i);
        bool first = before == NO_ATOM && reader_is(r, i + 1, WORD_AND) && i + 2 < r->n &&
                     r->atoms[i + 2]->kind == ATOM_MEASURE;
        bool last = before != NO_ATOM && before > 0 && atom_is(r->atoms[before], WORD_AND) &&
                    r->atoms[before - 1]->kind == ATOM_MEASURE;
        return first || last;
}

/* "signups per quarter": the time that is meant. */
static void place_moment(struct reader *r, const struct refs *refs)
{
        struct intent *intent = r->intent;
        bool meant = false;
        for (size_t g = 0; g < intent->n_groups; g++) {
                struct group *group = &intent->groups[g];
                if (group->unit != UNIT_NONE && group->refs.n == 0) {
                        group->refs = *refs;
                        meant = true;
                }
        }
        for (size_t k = 0; k < intent->n_conds; k++) {
                struct cond *cond = &intent->conds[k];
                if (cond->kind == COND_TIME && cond->refs.n == 0) {
                        cond->refs = *refs;
                        meant = true;
                }
        }
        intent->cost += meant ? 0 : COST_SUPPOSED;
}

static void place_table(struct reader *r, size_t i)
{
        struct intent *intent = r->intent;
        const struct atom *atom = r->atoms[i];
        size_t joint = reader_before(r, i);
        if (i > 0 && reader_is(r, i - 1, WORD_OPEN) && intent->n_wants > 0)
                intent->cost += COST_SENSELESS; /* "...: ticket and hours" */
        if (joint != NO_ATOM && atom_is(r->atoms[joint], WORD_AND) && intent->n_wants > 0)
                intent->cost += COST_SENSELESS; /* "tickets and tickets that ..." */
        size_t list = i;
        while (list > 0 && r->atoms[list - 1]->kind == ATOM_LIGHT)
                list--;
        bool listed = list > 0 && reader_is(r, list - 1, WORD_LIST) && atom->plural &&
                      intent->n_wants > 0 && intent->wants[0].kind == WANT_MEASURE &&
                      intent->n_groups == 0 && intent->share == SHARE_NONE;
        if (listed && intent->rank.by == RANK_NONE)
                intent->lists_each = true; /* "list the products ... with their revenue" */
        if ((is_asked_for(r, i) || listed) && intent->head.kind == HEAD_NONE) {
                intent->head = (struct head){
                        .kind = HEAD_TABLE, .table = atom->index, .plural = atom->plural, .at = i};
        }
}

/* True when a condition or a number is about the same column: "length of stay (LOS)". */
static bool is_said_again(const struct reader *r, const struct atom *atom)
{
        const struct intent *intent = r->intent;
        for (size_t k = 0; k < intent->n_conds; k++) {
                if (atom->kind == ATOM_COLUMN && refs_meet(&intent->conds[k].refs, &atom->refs))
                        return true;
        }
        for (size_t w = 0; w < intent->n_wants; w++) {
                if (refs_meet(&intent->wants[w].refs, &atom->refs))
                        return true;
        }
        return false;
}

/* A number that nobody said what to do with. */
static void place_number(struct reader *r, size_t i)
{
        struct intent *intent = r->intent;
        const struct refs *refs = &r->atoms[i]->refs;
        bool joined = reader_is_joined(r, i);
        bool counts = intent->n_wants > 0 && (intent->wants[0].kind == WANT_ROWS ||
                                              intent->wants[0].kind == WANT_DISTINCT);
        if (counts && !joined && reader_may_be_empty(r, refs)) {
                /* "how many sensors measure vibration": those that have a number for it */
                struct cond *cond = reader_cond(r, COND_NULL, i);
                cond->refs = *refs;
                cond->negated = true;
                intent->cost += COST_CONTEXT;
                return;
        }
        bool another = intent->n_wants > 0 || intent->rank.by == RANK_WANT;
        reader_want(r, WANT_COLUMN)->refs = *refs;
        intent->cost += another && !joined ? COST_SENSELESS : COST_SUPPOSED;
}

/* A noun by which the numbers are grouped, though nothing says so; false when it cannot be one. */
static bool place_group(struct reader *r, size_t i)
{
        struct intent *intent = r->intent;
        const struct atom *atom = r->atoms[i];
        bool said = is_asked_for(r, i) || has_having(intent);
        if (intent->n_groups >= GROUPS_MAX)
                return false;
        if (!said && (intent->head.kind != HEAD_NONE || atom->kind != ATOM_COLUMN))
                return false;
        intent->groups[intent->n_groups++] = (struct group){.refs = atom->refs, .at = i};
        if (!said)
                intent->cost += reader_is_joined(r, i) ? COST_CONTEXT : COST_SENSELESS;
        return true;
}

static bool is_participle(const struct reader *r, const struct atom *atom)
{
        const char *text = r->question->tokens[atom->first].text;
        size_t n = strlen(text);
        return atom->kind == ATOM_COLUMN && n > 4 && strcmp(text + n - 2, "ed") == 0;
}

static bool of_before(const struct reader *r, size_t i)
{
        while (i > 0 && r->atoms[i - 1]->kind == ATOM_LIGHT)
                i--;
        return i > 0 && reader_is(r, i - 1, WORD_OF);
}

/* A noun that is left, when numbers are asked for: it names a group, or only the context. */
static void place_noun_of_number(struct reader *r, size_t i)
{
        struct intent *intent = r->intent;
        const struct atom *atom = r->atoms[i];
        bool thing = atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY;
        r->used[i] = true;
        if (thing && intent->n_wants > 0 && stands_beside(r, i)) {
                struct want want;
                read_noun_count(r, atom, false, &want);
                *reader_want(r, want.kind) = want;
        } else if (atom->kind == ATOM_TABLE) {
                place_table(r, i);
        } else if (reader_is_moment(r, atom)) {
                place_moment(r, &atom->refs);
        } else if (intent->share == SHARE_OF_ROWS && is_participle(r, atom) &&
                   reader_may_be_empty(r, &atom->refs)) {
                struct cond *cond = reader_cond(r, COND_NULL, i);
                cond->refs = atom->refs; /* "of the rated tickets": of those with a rating */
                cond->negated = true;
        } else if (is_said_again(r, atom)) {
                if (is_asked_for(r, i)) /* "which locations contain A, and how many ..." */
                        (void)place_group(r, i);
        } else if (reader_is_number(r, atom) &&
                   !(is_asked_for(r, i) && has_having(intent) && atom->plural)) {
                place_number(r, i);
        } else if (!place_group(r, i)) {
                bool of_all = i > 0 && atom->plural && intent->n_wants > 0 &&
                              of_before(r, i); /* "total spend of our customers" */
                bool own = atom->kind == ATOM_ENTITY &&
                           (of_all || reader_facts(r, &atom->refs)->is_key ||
                            r->question->concepts->dataset->n_tables == 1);
                /* what it is there for is not understood */
                intent->cost += own ? COST_SUPPOSED : COST_SENSELESS;
        }
}

/* "worth more than 1450 dollars (price times quantity)": what is in brackets is compared. */
static bool define_compared(struct reader *r, size_t i, const struct want *want)
{
        struct intent *intent = r->intent;
        if (i == 0 || !reader_is(r, i - 1, WORD_OPEN))
                return false;
        for (size_t k = intent->n_conds; k > 0; k--) {
                struct cond *cond = &intent->conds[k - 1];
                if (cond->kind != COND_COMPARE || !cond->a || cond->n_more > 0 || cond->at > i)
                        continue;
                cond->kind = COND_COMPUTED;
                cond->want = *want;
                cond->refs.n = 0;
                return true;
        }
        return false;
}

static void place_noun_of_list(struct reader *r, size_t i)
{
        struct intent *intent = r->intent;
        const struct atom *atom = r->atoms[i];
        if (i > 0 && reader_is(r, i - 1, WORD_WHICH) && reader_is_number(r, atom) && atom->plural &&
            reader_facts(r, &atom->refs)->nature != NATURE_AVERAGED &&
            !reader_facts(r, &atom->refs)->is_year)
                intent->cost +=
                        COST_SENSELESS; /* "which languages", of which only the number is known */
        struct head *head = &intent->head;
        r->used[i] = true;
        bool ids = atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY;
        if (ids && (head->kind == HEAD_NONE || head->kind == HEAD_COLUMN)) {
                if (head->kind == HEAD_COLUMN)
                        show(r, &head->refs);
                intent->head_with = reader_is(r, i + 1, WORD_WITH) &&
                                    r->question->tokens[r->atoms[i + 1]->first].text[0] == 'w';
                *head = (struct head){.kind = atom->kind == ATOM_TABLE ? HEAD_TABLE : HEAD_ENTITY,
                                      .table = atom->index,
                                      .refs = atom->refs,
                                      .plural = atom->plural,
                                      .at = i};
                return;
        }
        if (i + 1 < r->n && reader_is_number(r, atom) && reader_is_number(r, r->atoms[i + 1]))
                intent->cost += COST_SUPPOSED; /* "total stock" */
        if (reader_is_number(r, atom) && intent->computed.kind == WANT_NONE) {
                struct want want;
                size_t end;
                take_column(r, i, FUNC_NONE, &want, &end);
                if (want.op != EXPR_NONE) {
                        if (!define_compared(r, i, &want))
                                intent->computed = want;
                        return;
                }
        }
        size_t part = reader_next(r, i);
        if (reader_is(r, i + 1, WORD_OF) && reader_is_number(r, atom) && part + 1 < r->n &&
            r->atoms[part]->kind == ATOM_COLUMN && !reader_is_number(r, r->atoms[part]) &&
            reader_is(r, part + 1, WORD_OF))
                intent->cost += COST_SENSELESS; /* "the population of the capital of Japan" */
        if (atom->kind == ATOM_COLUMN || atom->kind == ATOM_ENTITY)
                show(r, &atom->refs);
}

/* True when the question asks for a number, and not for rows. */
static bool asks_number(const struct reader *r)
{
        const struct intent *intent = r->intent;
        return intent->n_wants > 0 || intent->share != SHARE_NONE || intent->rank.by == RANK_WANT ||
               has_having(intent) || (intent->n_groups > 0 && intent->rank.by == RANK_NONE);
}

/* "most" without saying of what: of the one number that is asked for. */
static void complete_rank(struct reader *r)
{
        struct intent *intent = r->intent;
        if (intent->rank.by == RANK_UNSAID && intent->n_wants == 1) {
                intent->rank.by = RANK_WANT;
                intent->rank.want = intent->wants[0];
                intent->n_wants = 0;
        }
}

/* True when the rows are ranked by a column in that unit of time. */
static bool is_ranked_in(const struct reader *r, size_t i)
{
        const struct refs *refs = &r->intent->rank.refs;
        if (r->intent->rank.by != RANK_COLUMN)
                return false;
        const struct column_facts *facts = reader_facts(r, refs);
        const char *stem = r->question->tokens[r->atoms[i]->first].stem;
        if (facts->column->unit && strncmp(facts->column->unit, stem, strlen(stem)) == 0)
                return true;
        for (size_t w = 0; w < facts->n_words; w++)
                if (strcmp(facts->words[w], stem) == 0)
                        return true;
        return false;
}

static void read_time_nouns(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                if (r->used[i])
                        continue;
                if (reader_is(r, i, WORD_UNIT) && r->atoms[i]->plural && is_ranked_in(r, i))
                        r->used[i] = true; /* "..., and how many hours was that": shown anyway */
                else if (reader_is(r, i, WORD_UNIT) && r->atoms[i]->plural && i > 1 &&
                         (reader_is(r, i - 1, WORD_WITH) || reader_is(r, i - 2, WORD_WITH)) &&
                         r->intent->n_conds > 0)
                        r->used[i] = true; /* "..., with the hours": they were compared, and show */
                else if ((reader_is(r, i, WORD_TIME) && r->atoms[i]->arg == 0) ||
                         (reader_is(r, i, WORD_UNIT) && r->atoms[i]->arg == UNIT_DAY)) {
                        r->used[i] = true;
                        r->intent->show_time = true;
                        if (reader_is(r, i, WORD_TIME) && asks_number(r))
                                r->intent->cost += COST_SENSELESS; /* "average order date" */
                }
        }
}

/* "how old is Fischer" asks for the age. */
static bool asks_how(const struct reader *r, size_t i)
{
        const struct atom *how = r->atoms[i - 1];
        return r->atoms[i]->kind == ATOM_ADJECTIVE && r->atoms[i]->word == WORD_NONE &&
               how->kind == ATOM_LIGHT && how->n == 1 &&
               strcmp(r->question->tokens[how->first].text, "how") == 0;
}

/* "In which months did it rain more than 80 mm": the month's sum. */
static void sum_by_asked_time(struct reader *r)
{
        struct intent *intent = r->intent;
        bool asked = false;
        for (size_t g = 0; g < intent->n_groups; g++)
                asked = asked ||
                        (intent->groups[g].unit != UNIT_NONE && !intent->groups[g].per_each);
        if (!asked || intent->n_wants > 0 || intent->rank.by != RANK_NONE ||
            intent->share != SHARE_NONE)
                return;
        for (size_t k = 0; k < intent->n_conds; k++) {
                struct cond *cond = &intent->conds[k];
                if (cond->kind != COND_COMPARE || cond->op == FILTER_EQ || !cond->a ||
                    reader_facts(r, &cond->refs)->nature != NATURE_ADDED)
                        continue;
                if (cond->either > 0)
                        intent->cost += COST_SENSELESS; /* rows, or their sum? */
                cond->kind = COND_HAVING;
                cond->want = want_of(WANT_COLUMN);
                cond->want.func = FUNC_SUM;
                cond->want.refs = cond->refs;
        }
}

/* "Churned customers by churn": there is but one group. */
static bool groups_by_flag(const struct intent *intent)
{
        for (size_t g = 0; g < intent->n_groups; g++)
                for (size_t k = 0; k < intent->n_conds; k++) {
                        const struct cond *cond = &intent->conds[k];
                        if (cond->kind == COND_FLAG && cond->role == ROLE_FILTER &&
                            !cond->dropped && refs_meet(&cond->refs, &intent->groups[g].refs))
                                return true;
                }
        return false;
}

void read_nouns(struct reader *r)
{
        struct intent *intent = r->intent;
        if (groups_by_flag(intent))
                intent->cost += COST_SENSELESS;
        complete_rank(r);
        sum_by_asked_time(r);
        for (size_t k = 0; k < intent->n_conds; k++) {
                const struct segment *segment =
                        intent->conds[k].kind == COND_SEGMENT
                                ? &r->question->concepts->dataset->segments[intent->conds[k].index]
                                : NULL;
                if (segment && segment->limit > 0 && intent->is_what && intent->n_groups > 0 &&
                    intent->n_wants == 0)
                        intent->cost +=
                                COST_SENSELESS; /* "the oldest open ticket in each category" */
        }
        bool number = asks_number(r);
        for (size_t i = 0; i < r->n; i++)
                if (!r->used[i] && atom_is_noun(r->atoms[i])) {
                        if (number)
                                place_noun_of_number(r, i);
                        else
                                place_noun_of_list(r, i);
                }
        for (size_t i = 1; i < r->n && !number; i++)
                if (!r->used[i] && asks_how(r, i)) {
                        r->used[i] = true;
                        show(r, &r->atoms[i]->refs);
                }
        for (size_t i = 1; i < r->n && intent->rank.by != RANK_NONE; i++)
                if (!r->used[i] && asks_how(r, i) && reader_next(r, i) >= r->n)
                        r->used[i] = true; /* "the longest stay, and how long is it" */
        read_time_nouns(r);
        size_t first = 0;
        while (first < r->n && atom_is_soft(r->atoms[first]))
                first++;
        intent->names_many = first < r->n && r->atoms[first]->plural;
        intent->names_number =
                first < r->n && reader_is_number(r, r->atoms[first]) && !r->atoms[first]->plural;
        intent->is_list = !asks_number(r);
}
