#include "grounding/context.h"

#include "base/cleanup.h"

#include <string.h>
#include <strings.h>

/* By word, for bsearch. */
static const struct {
        const char *word;
        unsigned int cues;
} known[] = {
        {"above", CUE_COMPARE},
        {"accounts", CUE_COMBINE},
        {"ahead", CUE_COMPARE},
        {"all", CUE_COMBINE},
        {"altogether", CUE_COMBINE},
        {"average", CUE_MEAN},
        {"averaged", CUE_MEAN},
        {"averages", CUE_MEAN},
        {"avg", CUE_MEAN},
        {"behind", CUE_COMPARE},
        {"below", CUE_COMPARE},
        {"best", CUE_EXTREME},
        {"between", CUE_COMPARE},
        {"bigger", CUE_COMPARE},
        {"biggest", CUE_EXTREME},
        {"both", CUE_COMBINE},
        {"bottom", CUE_EXTREME},
        {"change", CUE_COMPARE},
        {"changed", CUE_COMPARE},
        {"cheaper", CUE_COMPARE},
        {"cheapest", CUE_EXTREME},
        {"collectively", CUE_COMBINE},
        {"combined", CUE_COMBINE},
        {"compared", CUE_COMPARE},
        {"decline", CUE_COMPARE},
        {"declined", CUE_COMPARE},
        {"decrease", CUE_COMPARE},
        {"decreased", CUE_COMPARE},
        {"deficit", CUE_COMPARE},
        {"differ", CUE_COMPARE},
        {"difference", CUE_COMPARE},
        {"down", CUE_COMPARE},
        {"drop", CUE_COMPARE},
        {"dropped", CUE_COMPARE},
        {"each", CUE_MEAN},
        {"exceed", CUE_COMPARE},
        {"exceeded", CUE_COMPARE},
        {"exceeds", CUE_COMPARE},
        {"fall", CUE_COMPARE},
        {"fell", CUE_COMPARE},
        {"fewer", CUE_COMPARE},
        {"fewest", CUE_EXTREME},
        {"first", CUE_COMBINE},
        {"followed", CUE_OTHER},
        {"from", CUE_EXTREME},
        {"gain", CUE_COMPARE},
        {"gained", CUE_COMPARE},
        {"gap", CUE_COMPARE},
        {"greater", CUE_COMPARE},
        {"greatest", CUE_EXTREME},
        {"grew", CUE_COMPARE},
        {"grown", CUE_COMPARE},
        {"growth", CUE_COMPARE},
        {"half", 0},
        {"higher", CUE_COMPARE},
        {"highest", CUE_EXTREME},
        {"improved", CUE_COMPARE},
        {"increase", CUE_COMPARE},
        {"increased", CUE_COMPARE},
        {"jump", CUE_COMPARE},
        {"jumped", CUE_COMPARE},
        {"kept", CUE_COMPARE},
        {"larger", CUE_COMPARE},
        {"largest", CUE_EXTREME},
        {"lead", CUE_COMPARE},
        {"leading", CUE_COMBINE},
        {"leads", CUE_COMPARE},
        {"least", CUE_EXTREME},
        {"left", CUE_COMPARE},
        {"less", CUE_COMPARE},
        {"longer", CUE_COMPARE},
        {"longest", CUE_EXTREME},
        {"loss", CUE_COMPARE},
        {"lost", CUE_COMPARE},
        {"lower", CUE_COMPARE},
        {"lowest", CUE_EXTREME},
        {"margin", CUE_COMPARE},
        {"maximum", CUE_EXTREME},
        {"mean", CUE_MEAN},
        {"minimum", CUE_EXTREME},
        {"minus", CUE_COMPARE},
        {"more", CUE_COMPARE},
        {"most", CUE_EXTREME},
        {"next", CUE_OTHER},
        {"not", CUE_REST},
        {"other", CUE_REST | CUE_OTHER},
        {"others", CUE_REST | CUE_OTHER},
        {"overall", CUE_COMBINE},
        {"peak", CUE_EXTREME},
        {"per", CUE_MEAN},
        {"profit", CUE_COMPARE},
        {"ratio", CUE_MEAN},
        {"remaining", CUE_REST | CUE_OTHER | CUE_COMPARE},
        {"rest", CUE_REST | CUE_OTHER},
        {"rise", CUE_COMPARE},
        {"rose", CUE_COMPARE},
        {"second", CUE_OTHER},
        {"shorter", CUE_COMPARE},
        {"shortest", CUE_EXTREME},
        {"smaller", CUE_COMPARE},
        {"smallest", CUE_EXTREME},
        {"spread", CUE_COMPARE},
        {"sum", CUE_COMBINE},
        {"than", CUE_COMPARE},
        {"third", CUE_OTHER},
        {"to", 0},
        {"together", CUE_COMBINE},
        {"top", CUE_COMBINE | CUE_EXTREME},
        {"total", CUE_COMBINE},
        {"totals", CUE_COMBINE},
        {"typical", CUE_MEAN},
        {"under", CUE_COMPARE},
        {"up", CUE_COMPARE},
        {"versus", CUE_COMPARE},
        {"vs", CUE_COMPARE},
        {"whereas", CUE_OTHER},
        {"while", CUE_OTHER},
        {"without", CUE_COMPARE},
        {"worst", CUE_EXTREME},
};

#define WORD_MAX 16
#define LABEL_ROWS_MAX 1000

static unsigned int cues_of(const struct tokens *tokens, size_t i)
{
        char word[WORD_MAX];
        size_t n = tokens->items[i].end - tokens->items[i].start;
        size_t low = 0;
        size_t high = ARRAY_SIZE(known);
        if (n >= sizeof(word))
                return 0;
        memcpy(word, tokens->text + tokens->items[i].start, n);
        word[n] = '\0';
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcasecmp(word, known[middle].word);
                if (order == 0)
                        return known[middle].cues;
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return 0;
}

int context_init(const struct facts *facts, const struct tokens *tokens,
                 const struct mentions *mentions, struct context *ret, struct error *err)
{
        struct context context = {.facts = facts, .tokens = tokens, .mentions = mentions};
        context.tables = arena_array(facts->arena, facts->n_tables, sizeof(*context.tables));
        context.pairs_left = arena_alloc(facts->arena, sizeof(*context.pairs_left));
        if (!context.tables || !context.pairs_left)
                return error_oom(err);
        *context.pairs_left = GROUNDING_PAIRS_MAX;
        for (size_t t = 0; t < facts->n_tables; t++) {
                struct context_table *table = &context.tables[t];
                size_t n = facts->tables[t].n_rows;
                table->columns = arena_array(facts->arena, n, sizeof(*table->columns));
                table->allowed = arena_array(facts->arena, n, sizeof(*table->allowed));
                if (!table->columns || !table->allowed)
                        return error_oom(err);
        }
        *ret = context;
        return 0;
}

/* The longest label that begins at token i; *ret_end is the token behind it, i for none. A label
 * with a capital has one in the text too: "High" is not "high". What is in very many rows names
 * none. */
static const struct fact_label *find_label(const struct context *context, size_t i, size_t *ret_n,
                                           size_t *ret_end)
{
        const struct tokens *tokens = context->tokens;
        const struct fact_label *labels = NULL;
        uint64_t chain = 0;
        *ret_end = i;
        for (size_t k = i; k < context->end && k < i + FACT_LABEL_TOKENS_MAX; k++) {
                size_t n = 0;
                chain = token_chain(chain, &tokens->items[k]);
                const struct fact_label *found = facts_find_labels(context->facts, chain, &n);
                if (!found || n > LABEL_ROWS_MAX || (found->upper && !tokens->items[i].upper))
                        continue;
                labels = found;
                *ret_n = n;
                *ret_end = k + 1;
        }
        return labels;
}

/* Marks the rows of the label at token i; returns where to go on. */
static size_t mark_label(struct context *context, size_t i)
{
        size_t n = 0;
        size_t end;
        const struct fact_label *labels = find_label(context, i, &n, &end);
        for (size_t k = 0; labels && k < n; k++) {
                const struct fact_place *place = &labels[k].place;
                struct context_table *table = &context->tables[place->table];
                table->columns[place->row] |= (uint64_t)1 << (place->column % 64);
                table->any = true;
        }
        return end > i ? end : i + 1;
}

/* The rows that fit the most of what is named: "SEN-104 in North" is one row of North's. */
static void choose_rows(const struct fact_table *fact, struct context_table *table)
{
        int most = 1;
        for (size_t i = 0; i < fact->n_rows; i++)
                if (__builtin_popcountll(table->columns[i]) > most)
                        most = __builtin_popcountll(table->columns[i]);
        for (size_t i = 0; i < fact->n_rows; i++) {
                table->allowed[i] = __builtin_popcountll(table->columns[i]) == most;
                if (table->allowed[i] && table->n_named < CONTEXT_NAMED_MAX)
                        table->named[table->n_named++] = (uint32_t)i;
        }
}

static void find_sentence(const struct context *context, const struct mention *mention,
                          size_t *ret_first, size_t *ret_end)
{
        const struct tokens *tokens = context->tokens;
        uint32_t sentence = tokens->items[mention->first].sentence;
        size_t first = mention->first;
        size_t end = mention->last + 1;
        while (first > 0 && tokens->items[first - 1].sentence == sentence &&
               mention->first - first < CONTEXT_TOKENS_MAX / 2)
                first--;
        while (end < tokens->n && tokens->items[end].sentence == sentence &&
               end - mention->last < CONTEXT_TOKENS_MAX / 2)
                end++;
        *ret_first = first;
        *ret_end = end;
}

static void forget(struct context *context)
{
        for (size_t t = 0; t < context->facts->n_tables; t++) {
                struct context_table *table = &context->tables[t];
                size_t n = context->facts->tables[t].n_rows;
                if (table->any && n)
                        memset(table->columns, 0, n * sizeof(*table->columns));
                table->any = false;
                table->n_named = 0;
        }
}

static void look_at_sentence(struct context *context, size_t first, size_t end)
{
        const struct tokens *tokens = context->tokens;
        forget(context);
        context->first = first;
        context->end = end;
        context->made = true;
        context->cues = 0;
        size_t start = tokens->items[first].start;
        while (start > 0 && strchr(" *\t", tokens->text[start - 1]))
                start--;
        context->is_table = start > 0 && tokens->text[start - 1] == '|';
        for (size_t i = first; i < end; i++)
                context->cues |= cues_of(tokens, i);
        for (size_t i = first; i < end;)
                i = mark_label(context, i);
        for (size_t t = 0; t < context->facts->n_tables; t++)
                if (context->tables[t].any)
                        choose_rows(&context->facts->tables[t], &context->tables[t]);
}

/* Between the last name before the number, and it. */
static void look_nearer(struct context *context, const struct mention *mention)
{
        size_t last = context->first;
        context->nearer = 0;
        for (size_t i = context->first; i < mention->first;) {
                size_t n;
                size_t end;
                bool label = find_label(context, i, &n, &end) != NULL;
                i = label ? end : i + 1;
                last = label ? end : last;
        }
        for (size_t i = last; i < mention->first; i++)
                context->nearer |= cues_of(context->tokens, i);
}

void context_look(struct context *context, const struct mention *mention)
{
        size_t first;
        size_t end;
        find_sentence(context, mention, &first, &end);
        if (!context->made || first != context->first || end != context->end)
                look_at_sentence(context, first, end);
        look_nearer(context, mention);
}

bool context_names(const struct context *context, const char *name)
{
        const struct tokens *tokens = context->tokens;
        struct token word;
        for (size_t at = 0; token_next(name, strlen(name), &at, &word);) {
                size_t n = word.end - word.start;
                for (size_t i = context->first; n > 1 && i < context->end; i++)
                        if (tokens->items[i].end - tokens->items[i].start >= n &&
                            strncasecmp(tokens->text + tokens->items[i].start, name + word.start,
                                        n) == 0)
                                return true;
        }
        return false;
}
