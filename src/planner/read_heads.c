/* What is ranked: "top 10 products", "which month had the most". */
#include "planner/reader.h"

bool reader_is_row_count(const struct reader *r, size_t i)
{
        return i < r->n && r->atoms[i]->kind == ATOM_NUMBER && !r->used[i] && !r->atoms[i]->money &&
               !r->atoms[i]->percent && !r->atoms[i]->ordinal && r->atoms[i]->number >= 1 &&
               r->atoms[i]->number <= 1000;
}

static void set_head(struct reader *r, size_t i)
{
        const struct atom *atom = r->atoms[i];
        struct head *head = &r->intent->head;
        if (head->kind != HEAD_NONE)
                return;
        head->at = i;
        head->plural = atom->plural;
        head->refs = atom->refs;
        head->table = atom->index;
        head->kind = atom->kind == ATOM_TABLE    ? HEAD_TABLE
                     : atom->kind == ATOM_ENTITY ? HEAD_ENTITY
                                                 : HEAD_COLUMN;
        r->used[i] = true;
}

static bool is_head_noun(const struct reader *r, size_t i)
{
        if (i >= r->n || r->used[i] || !atom_is_noun(r->atoms[i]) ||
            (reader_is_flag(r, r->atoms[i]) && r->atoms[i]->plural) ||
            (r->atoms[i]->is_verb && r->atoms[i]->kind == ATOM_COLUMN))
                return false;
        return !reader_is_number(r, r->atoms[i]) ||
               (reader_facts(r, &r->atoms[i]->refs)->is_dimension &&
                !reader_facts(r, &r->atoms[i]->refs)->is_flag);
}

/* "the oldest survivor", "the cheapest condo": the rows that are one. */
static bool find_described_rows(struct reader *r, const struct rank *rank, size_t behind)
{
        if (behind >= r->n || r->used[behind] ||
            (rank->by != RANK_COLUMN && rank->by != RANK_COMPUTED) ||
            !(r->atoms[behind]->kind == ATOM_VALUE || reader_is_flag(r, r->atoms[behind])))
                return false;
        r->intent->head = (struct head){.kind = HEAD_TABLE,
                                        .table = rank->refs.at[0].table,
                                        .plural = r->atoms[behind]->plural,
                                        .at = behind};
        return true;
}

/* "which products", "list the products", before the superlative. */
static bool find_asked_head(struct reader *r, size_t superlative)
{
        for (size_t i = 0; i < superlative; i++) {
                if (!reader_is(r, i, WORD_WHICH) && !reader_is(r, i, WORD_WHAT) &&
                    !reader_is(r, i, WORD_LIST))
                        continue;
                size_t noun = i + 1;
                while (noun < superlative &&
                       (r->atoms[noun]->kind == ATOM_LIGHT || reader_is_row_count(r, noun)))
                        noun++;
                if (noun + 1 < superlative && is_head_noun(r, noun) && is_head_noun(r, noun + 1)) {
                        r->intent->cost +=
                                r->atoms[noun]->kind == ATOM_COLUMN ? COST_DOUBLE_NOUN : 0;
                        r->used[noun++] = true;
                }
                if (noun < superlative && is_head_noun(r, noun)) {
                        set_head(r, noun);
                        return true;
                }
        }
        return false;
}

void find_head(struct reader *r, const struct rank *rank, size_t behind, size_t superlative)
{
        const struct head *head = &r->intent->head;
        if (head->kind != HEAD_NONE)
                return;
        while (behind < r->n &&
               (r->atoms[behind]->kind == ATOM_VALUE || r->atoms[behind]->kind == ATOM_SEGMENT ||
                reader_is_flag(r, r->atoms[behind])) &&
               is_head_noun(r, behind + 1))
                behind++; /* "the best rated horror film" */
        if (find_described_rows(r, rank, behind))
                return;
        if (is_head_noun(r, behind)) {
                size_t last = behind; /* "order items": the last of several */
                while (is_head_noun(r, last + 1) && r->atoms[last]->kind != ATOM_COLUMN)
                        r->used[last++] = true;
                set_head(r, last);
                return;
        }
        if (find_asked_head(r, superlative))
                return;
        size_t before = reader_before(r, superlative);
        if (before != NO_ATOM && before + 1 < superlative && is_head_noun(r, before))
                set_head(r, before); /* "products with the highest stock" */
        if (rank->by != RANK_UNSAID)
                return;
        for (size_t i = 0; i < superlative && head->kind == HEAD_NONE; i++) {
                if (is_head_noun(r, i) && r->atoms[i]->kind != ATOM_COLUMN)
                        set_head(r, i); /* "the 5 customers that spent the most" */
        }
}

/* "5 products with the highest stock" */
int count_of_head(struct reader *r)
{
        const struct head *head = &r->intent->head;
        if (head->kind == HEAD_NONE || head->at == 0)
                return 0;
        size_t i = reader_before(r, head->at);
        while (i != NO_ATOM && i > 0 &&
               (r->atoms[i]->kind == ATOM_VALUE || r->atoms[i]->kind == ATOM_SEGMENT))
                i--;
        if (i == NO_ATOM || !reader_is_row_count(r, i))
                return 0;
        r->used[i] = true;
        return (int)r->atoms[i]->number;
}

/* A unit of time that is asked for: "which month had". */
bool find_time_head(struct reader *r, size_t superlative)
{
        for (size_t i = 0; i < superlative && i < r->n; i++) {
                if (!reader_is(r, i, WORD_WHICH) && !reader_is(r, i, WORD_WHAT))
                        continue;
                size_t unit = i + 1;
                while (unit < r->n && r->atoms[unit]->kind == ATOM_LIGHT)
                        unit++;
                bool is_part = reader_is(r, unit, WORD_PART);
                bool is_date = reader_is(r, unit, WORD_TIME);
                if (r->used[unit] || (!is_part && !is_date && !reader_is(r, unit, WORD_UNIT)))
                        continue;
                struct intent *intent = r->intent;
                r->used[unit] = true;
                intent->head.kind = HEAD_TIME;
                intent->head.at = unit;
                intent->head.plural = r->atoms[unit]->plural;
                if (intent->n_groups < GROUPS_MAX)
                        intent->groups[intent->n_groups++] = (struct group){
                                .unit = is_date ? UNIT_DAY : (enum plan_unit)r->atoms[unit]->arg,
                                .is_part = is_part,
                                .at = unit};
                return true;
        }
        return false;
}
