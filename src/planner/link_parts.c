/* Words that nothing else explains, and that are a part of some value: "Smith" in a column of
 * names. */
#include "planner/link.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

#define PARTS_MAX 48 /* stretches that are looked for inside values */
#define PART_WORDS_MAX 4
#define PART_BYTES_MIN 4      /* of a stretch's first word */
#define CAPITAL_BYTES_MIN 3   /* of one with a capital letter */
#define COST_WITHIN_VALUE 1.2 /* of words that are only a part of a value */

/* A stretch of the question, and the values of one column that hold it. */
struct part {
        const char *text; /* folded */
        uint32_t letters; /* text_letters(text) */
        size_t first, n;
        const char *found[VALUES_IN_ATOM];
        size_t n_found; /* more than that are only counted */
        bool verbatim;  /* all of them hold it as it was typed, but for case */
};

struct parts {
        struct part items[PARTS_MAX];
        size_t n;
};

static bool is_explained(const struct question *question, size_t i)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if (atom->kind != ATOM_TEXT && atom->first <= i && i < atom->first + atom->n)
                        return true;
        }
        return false;
}

/* True when the words of part are among those of text, side by side. */
static bool holds_words(const char *text, const char *part)
{
        size_t n = strlen(part);
        for (const char *at = strstr(text, part); at; at = strstr(at + 1, part)) {
                bool begins = at == text || at[-1] == ' ';
                bool ends = at[n] == '\0' || at[n] == ' ';
                if (begins && ends)
                        return true;
        }
        return false;
}

static void part_meets(struct part *part, const struct value_text *text)
{
        if ((part->letters & ~text->letters) || !holds_words(text->folded, part->text))
                return;
        if (part->n_found < VALUES_IN_ATOM)
                part->found[part->n_found] = text->value;
        part->n_found++;
        part->verbatim = part->verbatim && strcasestr(text->value, part->text);
}

static void add_part(struct question *question, const struct part *part, int t, int c)
{
        size_t n = part->n_found < VALUES_IN_ATOM ? part->n_found : VALUES_IN_ATOM;
        const char **values = arena_array(question->arena, n, sizeof(*values));
        if (!values) {
                question->no_memory = true;
                return;
        }
        struct atom *atom = atom_add(question, ATOM_VALUE, part->first, part->n, COST_WITHIN_VALUE);
        memcpy(values, part->found, n * sizeof(*values));
        refs_add(&atom->refs, t, c);
        atom->is_part = true;
        atom->n_values = part->n_found;
        atom->more = values;
        atom->text = part->n == 1 ? question->tokens[part->first].said : part->text;
}

static void find_parts(struct question *question, struct parts *parts, int t, int c)
{
        const struct column_facts *facts =
                concept_column(question->concepts, (struct colref){t, c});
        if (!facts->values->complete || facts->values->n_values == 0)
                return;
        for (size_t p = 0; p < parts->n; p++) {
                struct part *part = &parts->items[p];
                part->n_found = 0;
                part->verbatim = true;
                for (size_t v = 0; v < facts->n_texts; v++)
                        part_meets(part, &facts->texts[v]);
                bool sayable = part->verbatim || part->n_found <= VALUES_IN_ATOM;
                if (part->n_found > 0 && sayable)
                        add_part(question, part, t, c);
        }
}

/* True when a stretch may begin there: a word of some length, not a vague one, that nothing else
 * explains, or with a capital letter. */
static bool begins_part(const struct question *question, size_t i)
{
        static const char *const vague[] = {"high",  "low",   "new",   "old",   "small",
                                            "large", "long",  "short", "good",  "best",
                                            "other", "main",  "north", "south", "east",
                                            "west",  "level", "type",  NULL};
        const struct token *token = &question->tokens[i];
        if (token->kind != TOKEN_WORD)
                return false;
        if (token->capital)
                return strlen(token->text) >= CAPITAL_BYTES_MIN;
        return strlen(token->text) >= PART_BYTES_MIN && !word_among(token->text, vague) &&
               !is_explained(question, i);
}

static void add_stretch(struct question *question, struct parts *parts, const char *text,
                        size_t first, size_t n)
{
        if (parts->n == PARTS_MAX)
                return;
        const char *copy = arena_strdup(question->arena, text);
        if (!copy)
                question->no_memory = true;
        else
                parts->items[parts->n++] =
                        (struct part){.text = copy,
                                      .letters = text_letters(text, strlen(text)),
                                      .first = first,
                                      .n = n};
}

/* The stretches that begin at token i and hold a word that nothing else explains. */
static void collect_parts(struct question *question, size_t i, struct parts *parts)
{
        char text[FOLDED_MAX] = "";
        size_t length = 0;
        bool unexplained = false;
        if (!begins_part(question, i))
                return;
        for (size_t n = 1; n <= PART_WORDS_MAX && i + n <= question->n_tokens; n++) {
                const struct token *token = &question->tokens[i + n - 1];
                if (token->kind != TOKEN_WORD && token->kind != TOKEN_NUMBER)
                        return;
                unexplained = unexplained || !is_explained(question, i + n - 1);
                if (length + strlen(token->text) + 2 > sizeof(text))
                        return;
                length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
                                           n > 1 ? " " : "", token->text);
                if (unexplained)
                        add_stretch(question, parts, text, i, n);
        }
}

void values_link_parts(struct question *question)
{
        if (!question->concepts->values)
                return;
        struct parts *parts = arena_alloc(question->arena, sizeof(*parts));
        if (!parts) {
                question->no_memory = true;
                return;
        }
        for (size_t i = 0; i < question->n_tokens; i++)
                collect_parts(question, i, parts);
        const struct dataset *dataset = question->concepts->dataset;
        for (size_t t = 0; parts->n > 0 && t < dataset->n_tables; t++)
                for (size_t c = 0; c < dataset->tables[t].n_columns; c++)
                        find_parts(question, parts, (int)t, (int)c);
}
