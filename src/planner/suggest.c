#include "planner/suggest.h"

#include "planner/printable.h"

#include <stdio.h>
#include <string.h>

#define COMPARED_BYTES_MAX 64 /* of words that are compared */
#define SUGGESTED_MAX 3
#define NAME_SHOWN_BYTES 101
#define VALUE_SHOWN_BYTES 181
#define SUGGESTION_BYTES_MAX (NAME_SHOWN_BYTES + VALUE_SHOWN_BYTES + 16)
#define WORD_BYTES_MIN 3 /* of a word that others are looked for */

struct suggestion {
        char text[SUGGESTION_BYTES_MAX];
        size_t edits;
};

/* The nearest ones, in order. */
struct suggestions {
        const char *word; /* that they are for */
        size_t most;      /* edits */
        struct suggestion items[SUGGESTED_MAX];
        size_t n;
};

/* Edits that turn one text into the other: inserted, removed or changed bytes, or two swapped; more
 * than most is as good as most + 1. */
static size_t edits(const char *a, const char *b, size_t most)
{
        size_t n = strlen(a);
        size_t m = strlen(b);
        size_t rows[3][COMPARED_BYTES_MAX + 1];
        size_t *before = rows[0];
        size_t *last = rows[1];
        size_t *now = rows[2];
        if (n > COMPARED_BYTES_MAX || m > COMPARED_BYTES_MAX || (n > m ? n - m : m - n) > most)
                return most + 1;
        for (size_t k = 0; k <= m; k++)
                last[k] = k;
        for (size_t i = 1; i <= n; i++) {
                size_t least = i;
                now[0] = i;
                for (size_t k = 1; k <= m; k++) {
                        size_t cost = last[k - 1] + (a[i - 1] != b[k - 1]);
                        cost = last[k] + 1 < cost ? last[k] + 1 : cost;
                        cost = now[k - 1] + 1 < cost ? now[k - 1] + 1 : cost;
                        if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] &&
                            before[k - 2] + 1 < cost)
                                cost = before[k - 2] + 1;
                        now[k] = cost;
                        least = cost < least ? cost : least;
                }
                if (least > most)
                        return most + 1;
                size_t *spare = before;
                before = last;
                last = now;
                now = spare;
        }
        return last[m];
}

/* How many edits a word of that length may be away. */
static size_t tolerance(const char *word)
{
        size_t n = strlen(word);
        return n <= 5 ? 1 : n <= 8 ? 2 : 3;
}

static bool is_suggested(const struct suggestions *suggestions, const char *text)
{
        for (size_t i = 0; i < suggestions->n; i++)
                if (strcmp(suggestions->items[i].text, text) == 0)
                        return true;
        return false;
}

/* "table orders", "category = Books"; value may be NULL. */
static void suggest(struct suggestions *suggestions, size_t distance, const char *kind,
                    const char *name, const char *value)
{
        struct suggestion added = {.edits = distance};
        char shown_name[NAME_SHOWN_BYTES];
        char shown_value[VALUE_SHOWN_BYTES] = "";
        (void)printable(name, shown_name, sizeof(shown_name));
        if (value)
                (void)printable(value, shown_value, sizeof(shown_value));
        (void)snprintf(added.text, sizeof(added.text), "%s%s%s%s", kind, shown_name,
                       value ? " = " : "", shown_value);
        size_t i = suggestions->n;
        if (is_suggested(suggestions, added.text))
                return;
        if (i < SUGGESTED_MAX)
                suggestions->n++;
        else if (suggestions->items[--i].edits <= distance)
                return;
        for (; i > 0 && suggestions->items[i - 1].edits > distance; i--)
                suggestions->items[i] = suggestions->items[i - 1];
        suggestions->items[i] = added;
}

/* A table, measure or segment that is called by one word. */
static void suggest_names(const struct concepts *concepts, struct suggestions *suggestions)
{
        const struct dataset *dataset = concepts->dataset;
        for (size_t p = 0; p < concepts->n_phrases; p++) {
                const struct phrase *phrase = &concepts->phrases[p];
                if (phrase->n_stems != 1)
                        continue;
                size_t distance = edits(suggestions->word, phrase->stems[0], suggestions->most);
                if (distance > suggestions->most)
                        continue;
                if (phrase->kind == PHRASE_MEASURE)
                        suggest(suggestions, distance, "", dataset->measures[phrase->index].name,
                                NULL);
                else if (phrase->kind == PHRASE_SEGMENT)
                        suggest(suggestions, distance, "", dataset->segments[phrase->index].name,
                                NULL);
                else if (phrase->kind == PHRASE_TABLE)
                        suggest(suggestions, distance, "table ",
                                dataset->tables[phrase->index].name, NULL);
        }
}

static void suggest_column(const struct column_facts *facts, struct suggestions *suggestions)
{
        for (size_t w = 0; w < facts->n_words - facts->n_unit; w++) {
                size_t distance = edits(suggestions->word, facts->words[w], suggestions->most);
                if (distance <= suggestions->most)
                        suggest(suggestions, distance, "column ", facts->column->name, NULL);
        }
}

static void suggest_values(const struct column_facts *facts, struct suggestions *suggestions)
{
        size_t length = strlen(suggestions->word);
        size_t most = suggestions->most;
        uint32_t letters = text_letters(suggestions->word, length);
        if (!facts->values || facts->values->n_values == 0)
                return;
        for (size_t v = 0; v < facts->n_texts; v++) {
                const struct value_text *text = &facts->texts[v];
                if (text->n_folded + most < length || text->n_folded > length + most ||
                    (size_t)__builtin_popcount(text->letters ^ letters) > 2 * most)
                        continue; /* that many edits cannot do it */
                size_t distance = edits(suggestions->word, text->folded, most);
                if (distance <= most)
                        suggest(suggestions, distance, "", facts->column->name, text->value);
        }
}

static void suggest_all(const struct concepts *concepts, const struct token *token,
                        struct suggestions *suggestions)
{
        *suggestions = (struct suggestions){.word = token->stem, .most = tolerance(token->stem)};
        suggest_names(concepts, suggestions);
        for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++)
                        suggest_column(&concepts->tables[t].columns[c], suggestions);
        suggestions->word = token->text;
        suggestions->most = tolerance(token->text);
        for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++)
                        suggest_values(&concepts->tables[t].columns[c], suggestions);
        const char *meant = grammar_nearest(token->text, tolerance(token->text) - 1, edits);
        if (meant)
                suggest(suggestions, 0, "", meant, NULL);
}

json_t *suggestions_for(const struct question *question, size_t token)
{
        struct suggestions suggestions = {.n = 0};
        const struct token *word = &question->tokens[token];
        if (word->kind == TOKEN_WORD && strlen(word->text) >= WORD_BYTES_MIN)
                suggest_all(question->concepts, word, &suggestions);
        json_t *list = json_array();
        for (size_t i = 0; list && i < suggestions.n; i++)
                if (json_array_append_new(list, printable_json(suggestions.items[i].text)) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}
