/* Joints between conditions: "A or B", "A versus B", "men and women". */
#include "planner/reader.h"

#define VALUES2_MAX (sizeof(((struct cond *)NULL)->value2) / sizeof(const struct atom *))
#define MORE_MAX (sizeof(((struct cond *)NULL)->more) / sizeof(const char *))

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
                if (r->used[i])
                        continue;
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

static bool of_kind(const struct cond *a, const struct cond *b, enum cond_kind kind)
{
        return a->kind == kind && b->kind == kind;
}

/* "Books and Toys": either of them. */
static void join_values(struct reader *r, struct cond *a, struct cond *b)
{
        a->value2[a->n_value2++] = b->value;
        for (size_t v = 0; v < b->n_value2 && a->n_value2 < VALUES2_MAX; v++)
                a->value2[a->n_value2++] = b->value2[v];
        b->dropped = true;
        for (size_t i = 0; i < a->at; i++) {
                if (reader_is(r, i, WORD_BOTH))
                        r->intent->cost += COST_SENSELESS; /* "bought both Books and Toys" */
        }
        r->intent->cost -= GAIN_TWO_OF_A_KIND;
}

static void join_by_or(struct reader *r, struct cond *a, struct cond *b)
{
        if (a->apart && b->apart)
                return;
        if (a->negated) {
                b->negated = true; /* not A or B */
                return;
        }
        if (!a->either)
                a->either = ++r->n_either;
        b->either = a->either;
}

static void join(struct reader *r, struct cond *a, struct cond *b, enum word joint)
{
        bool same = refs_meet(&a->refs, &b->refs) && a->refs.n > 0;
        bool versus = joint == WORD_VERSUS || (is_compare(r) && joint == WORD_AND);
        bool values = same && of_kind(a, b, COND_VALUES);
        if (values && (joint == WORD_TO || (b->negated && !a->negated))) {
                /* "Books but never Toys", "from online to offline" */
                r->intent->cost += COST_SENSELESS;
        } else if (values && a->n_value2 < VALUES2_MAX) {
                join_values(r, a, b);
                if (versus || (joint == WORD_AND && !a->negated && is_averaged(r)))
                        group_by_refs(r, &a->refs, a->at);
        } else if (same && of_kind(a, b, COND_COMPARE) && a->op == FILTER_EQ &&
                   b->op == FILTER_EQ && a->n_more < MORE_MAX) {
                a->more[a->n_more++] = b->a; /* "agent 105 compared to agent 110" */
                b->dropped = true;
                if (versus || (joint == WORD_AND && is_averaged(r)))
                        group_by_refs(r, &a->refs, a->at);
        } else if (same && of_kind(a, b, COND_FLAG) &&
                   (versus || (joint == WORD_AND && a->negated != b->negated))) {
                a->dropped = b->dropped = true;
                group_by_refs(r, &a->refs, a->at);
        } else if (joint == WORD_OR) {
                join_by_or(r, a, b);
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
