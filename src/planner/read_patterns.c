/* Texts that are looked for: "contains lamp", 'named "Lamp"'. */
#include "planner/reader.h"

/* "which locations contain", "each location that starts with". */
static bool is_asked_of(const struct reader *r, size_t noun)
{
        size_t i = noun;
        while (i > 0 && r->atoms[i - 1]->kind == ATOM_LIGHT)
                i--;
        return i > 0 && (reader_is(r, i - 1, WORD_WHICH) || reader_is(r, i - 1, WORD_EACH) ||
                         reader_is(r, i - 1, WORD_BY) || reader_is(r, i - 1, WORD_PER));
}

/* The text column that a pattern is about: the noun before, or the label of a table. */
static bool find_text_column(struct reader *r, size_t noun, struct refs *refs)
{
        const struct atom *atom = r->atoms[noun];
        const struct concepts *concepts = r->question->concepts;
        if (atom->kind == ATOM_COLUMN &&
            reader_facts(r, &atom->refs)->column->kind == COLUMN_TEXT) {
                *refs = atom->refs;
                r->used[noun] = !is_asked_of(r, noun);
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
        bool holds = atom_is(atom, WORD_CONTAINS) && atom->arg == FILTER_CONTAINS;
        bool thing = noun != NO_ATOM && r->atoms[noun]->kind != ATOM_COLUMN;
        bool value = text < r->n && r->atoms[text]->kind == ATOM_VALUE && !r->atoms[text]->is_part;
        if (holds && thing && (value || text >= r->n)) {
                r->used[i] =
                        true; /* "orders that contain Books", "how many does an order contain" */
                return;
        }
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
        r->intent->cost += in ? 0 : COST_SUPPOSED;
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
