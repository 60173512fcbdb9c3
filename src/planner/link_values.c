/* Values of the data in the question. The question's stretches are few and the values many, so the
 * values are gone through once and each is looked up among the stretches. */
#include "planner/link.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define GRAM_WORDS_MAX 8
#define GRAMS_MAX 2048
#define TABLE_SIZE 4096 /* of the hash table; a power of two above GRAMS_MAX */
#define FOLDED_MAX 256  /* bytes of a folded value; longer ones are not looked for */

/* A stretch of the question in one of its spellings. */
struct gram {
        char *text; /* folded */
        uint32_t hash;
        size_t first, n;
        double cost;
};

struct grams {
        struct question *question;
        struct gram *items;
        size_t n;
        uint16_t slots[TABLE_SIZE]; /* index + 1 */
};

static uint32_t hash_text(const char *text, size_t n)
{
        uint32_t hash = 2166136261u; /* FNV-1a */
        for (size_t i = 0; i < n; i++)
                hash = (hash ^ (unsigned char)text[i]) * 16777619u;
        return hash;
}

static void add_gram(struct grams *grams, const char *text, size_t first, size_t n, double cost)
{
        struct question *question = grams->question;
        if (grams->n >= GRAMS_MAX || !*text)
                return;
        struct gram *gram = &grams->items[grams->n];
        gram->text = arena_strdup(question->arena, text);
        if (!gram->text) {
                question->no_memory = true;
                return;
        }
        gram->hash = hash_text(text, strlen(text));
        gram->first = first;
        gram->n = n;
        gram->cost = cost;
        uint32_t slot = gram->hash % TABLE_SIZE;
        while (grams->slots[slot])
                slot = (slot + 1) % TABLE_SIZE;
        grams->slots[slot] = (uint16_t)++grams->n;
}

/* The text with its ending changed: "comedies" is "comedy", "books" is "book" and the other way
 * round, "african" is "africa". */
static void add_spellings(struct grams *grams, const char *text, size_t first, size_t n,
                          bool capital)
{
        static const struct {
                const char *from, *to;
                bool capital;
                double cost;
        } endings[] = {
                {"ies", "y", false, 0.05}, {"es", "", false, 0.1},  {"s", "", false, 0.05},
                {"y", "ies", false, 0.05}, {"", "s", false, 0.05},  {"", "es", false, 0.1},
                {"n", "", true, 0.1},      {"an", "", true, 0.1},   {"ian", "y", true, 0.1},
                {"ish", "", true, 0.1},    {"gy", "", false, 0.1}, {"ny", "ne", false, 0.1}, {"ny", "n", false, 0.1},
                {"my", "m", false, 0.1},   {"y", "", false, 0.15},
                {"men", "man", false, 0.1}, {"s", "ed", false, 0.3},
        };
        char changed[FOLDED_MAX];
        size_t length = strlen(text);
        for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
                size_t from = strlen(endings[i].from);
                if (length < from + 3 || strcmp(text + length - from, endings[i].from) != 0 ||
                    (endings[i].capital && !capital))
                        continue;
                (void)snprintf(changed, sizeof(changed), "%.*s%s", (int)(length - from), text,
                               endings[i].to);
                add_gram(grams, changed, first, n, endings[i].cost);
        }
}

static bool is_joint(const struct token *token)
{
        return token->kind == TOKEN_SIGN &&
               (strcmp(token->text, "-") == 0 || strcmp(token->text, "/") == 0 ||
                strcmp(token->text, ".") == 0 || strcmp(token->text, "+") == 0 ||
                strcmp(token->text, ",") == 0);
}

/* True when tokens first.. say nothing but words of the grammar, in small letters. */
static bool is_grammar(const struct question *question, size_t first, size_t n)
{
        for (size_t i = first; i < first + n; i++) {
                const struct token *token = &question->tokens[i];
                bool grammar = false;
                if (token->capital || token->kind != TOKEN_WORD)
                        return false;
                for (size_t a = 0; a < question->n_atoms && !grammar; a++) {
                        const struct atom *atom = &question->atoms[a];
                        grammar = atom->first == i && atom->n == 1 &&
                                  ((atom->kind == ATOM_WORD && atom->word != WORD_REFUSE) ||
                                   atom->kind == ATOM_LIGHT);
                }
                if (!grammar)
                        return false;
        }
        return true;
}

static void add_grams_at(struct grams *grams, size_t first)
{
        const struct question *question = grams->question;
        char text[FOLDED_MAX] = "";
        size_t length = 0;
        size_t words = 0;
        bool capital = false;
        if (question->tokens[first].kind == TOKEN_QUOTED)
                add_gram(grams, question->tokens[first].text, first, 1, 0);
        for (size_t i = first; i < question->n_tokens && words < GRAM_WORDS_MAX; i++) {
                const struct token *token = &question->tokens[i];
                if (is_joint(token) && words > 0)
                        continue;
                if (token->kind != TOKEN_WORD && token->kind != TOKEN_NUMBER &&
                    token->kind != TOKEN_DATE)
                        break;
                char folded[FOLDED_MAX];
                size_t n = fold_text(token->said, folded, sizeof(folded));
                if (token->kind == TOKEN_WORD)
                        n = (size_t)snprintf(folded, sizeof(folded), "%s", token->text);
                if (length + n + 2 > sizeof(text))
                        break;
                length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
                                           words ? " " : "", folded);
                words++;
                capital = capital || token->capital || first == 0;
                if (is_grammar(question, first, i - first + 1))
                        continue;
                add_gram(grams, text, first, i - first + 1, 0);
                if (token->kind == TOKEN_WORD)
                        add_spellings(grams, text, first, i - first + 1, capital);
                if (token->possessive) {
                        char with_s[FOLDED_MAX];
                        (void)snprintf(with_s, sizeof(with_s), "%ss", text);
                        add_gram(grams, with_s, first, i - first + 1, 0);
                }
        }
}

static struct atom *find_value_atom(struct question *question, const struct gram *gram, int t,
                                    int c)
{
        const struct column *column = &question->concepts->dataset->tables[t].columns[c];
        for (size_t a = question->n_atoms; a > 0; a--) {
                struct atom *atom = &question->atoms[a - 1];
                if (atom->kind != ATOM_VALUE || atom->first != gram->first ||
                    atom->n != gram->n)
                        continue;
                const struct column_facts *facts =
                        concept_column(question->concepts, atom->refs.at[0]);
                if (strcasecmp(facts->column->name, column->name) == 0)
                        return atom;
        }
        return NULL;
}

/* True when the dataset's owner gave those words a meaning. */
static bool is_owners(const struct question *question, size_t first, size_t n)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if ((atom->kind == ATOM_SEGMENT || atom->kind == ATOM_MEASURE) &&
                    atom->first == first && atom->n == n)
                        return true;
        }
        return false;
}

static void add_value(struct question *question, const struct gram *gram, int t, int c,
                      const char *value)
{
        double cost = 0.25 + gram->cost + (is_owners(question, gram->first, gram->n) ? 0.4 : 0);
        const struct token *token = &question->tokens[gram->first];
        if (gram->n == 1 && token->capital && strcmp(token->said, value) == 0)
                cost = -0.3; /* typed as the data has it: "Resolved" */
        struct atom *atom = find_value_atom(question, gram, t, c);
        if (!atom)
                atom = atom_add(question, ATOM_VALUE, gram->first, gram->n, cost);
        else if (atom->cost > cost + 0.01) { /* a better spelling */
                atom->n_values = 0;
                atom->refs.n = 0;
                atom->cost = cost;
        } else if (atom->cost < cost - 0.01) {
                return;
        }
        refs_add(&atom->refs, t, c);
        for (size_t i = 0; i < atom->n_values; i++)
                if (strcmp(atom->values[i], value) == 0)
                        return;
        if (atom->n_values < ARRAY_SIZE(atom->values))
                atom->values[atom->n_values++] = value;
}

static void look_up(const struct grams *grams, const char *folded, size_t n, int t, int c,
                    const char *value)
{
        uint32_t hash = hash_text(folded, n);
        for (uint32_t slot = hash % TABLE_SIZE; grams->slots[slot];
             slot = (slot + 1) % TABLE_SIZE) {
                const struct gram *gram = &grams->items[grams->slots[slot] - 1];
                if (gram->hash == hash && strcmp(gram->text, folded) == 0)
                        add_value(grams->question, gram, t, c, value);
        }
}

static void look_up_column(const struct grams *grams, int t, int c)
{
        const struct concepts *concepts = grams->question->concepts;
        const struct column *column = &concepts->dataset->tables[t].columns[c];
        const struct column_values *values =
                concepts->values ? &concepts->values->tables[t].columns[c] : NULL;
        char folded[FOLDED_MAX];
        if (values && values->n_values > 0) {
                for (size_t v = 0; v < values->n_values; v++) {
                        size_t n = fold_text(values->values[v], folded, sizeof(folded));
                        look_up(grams, folded, n, t, c, values->values[v]);
                }
                return;
        }
        for (size_t v = 0; v < column->n_values; v++) {
                size_t n = fold_text(column->values[v], folded, sizeof(folded));
                look_up(grams, folded, n, t, c, column->values[v]);
        }
}

/* "returned" is a value of one column and the name of another that says yes or no: the same, and
 * one of them is enough. */
static void prefer_values(struct question *question)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                struct atom *flag = &question->atoms[a];
                if (flag->kind != ATOM_COLUMN)
                        continue;
                const struct column_facts *facts =
                        concept_column(question->concepts, flag->refs.at[0]);
                bool number = facts->is_number && !facts->is_flag && flag->cost < 0.35;
                for (size_t v = 0; v < question->n_atoms; v++) {
                        struct atom *value = &question->atoms[v];
                        if (number && value->kind == ATOM_VALUE && value->first == flag->first &&
                            value->n == flag->n)
                                value->cost += 0.4; /* "rain" is an amount sooner than a day */
                        if (!facts->is_flag)
                                continue;
                        if (value->kind == ATOM_VALUE && value->first == flag->first &&
                            value->n == flag->n && value->cost < 0.5) {
                                flag->cost += 0.5;
                                break;
                        }
                }
        }
}

static bool atom_is_refusal(const struct atom *atom)
{
        return atom->kind == ATOM_WORD && atom->word == WORD_REFUSE;
}

/* "Ivan Moreau" is whoever the row is about sooner than somebody's manager. */
static void prefer_labels(struct question *question)
{
        const struct concepts *concepts = question->concepts;
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *exact = &question->atoms[a];
                if (exact->kind != ATOM_VALUE || exact->cost > 0.26 || exact->is_part)
                        continue;
                for (size_t o = 0; o < question->n_atoms; o++) {
                        struct atom *other = &question->atoms[o];
                        bool same = other->first == exact->first && other->n == exact->n;
                        if (same && other->kind == ATOM_VALUE && other->cost > 0.28 &&
                            other->cost < 0.42)
                                other->cost += 0.3; /* "contract" is no "Contracts" */
                        if (same && atom_is_refusal(other))
                                other->cost += 2; /* "in good condition" */
                }
        }
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *label = &question->atoms[a];
                if (label->kind != ATOM_VALUE || label->is_part ||
                    concepts->tables[label->refs.at[0].table].label != label->refs.at[0].column)
                        continue;
                for (size_t o = 0; o < question->n_atoms; o++) {
                        struct atom *other = &question->atoms[o];
                        const struct colref ref = other->refs.at[0];
                        if (o != a && other->kind == ATOM_VALUE && other->first == label->first &&
                            other->n == label->n && other->refs.n > 0 &&
                            concepts->tables[ref.table].label != ref.column)
                                other->cost += 0.4;
                }
        }
}

void values_link(struct question *question)
{
        struct grams *grams = arena_alloc(question->arena, sizeof(*grams));
        if (grams)
                grams->items = arena_array(question->arena, GRAMS_MAX, sizeof(*grams->items));
        if (!grams || !grams->items) {
                question->no_memory = true;
                return;
        }
        grams->question = question;
        for (size_t i = 0; i < question->n_tokens; i++)
                add_grams_at(grams, i);
        const struct dataset *dataset = question->concepts->dataset;
        for (size_t t = 0; t < dataset->n_tables; t++)
                for (size_t c = 0; c < dataset->tables[t].n_columns; c++)
                        look_up_column(grams, (int)t, (int)c);
        prefer_values(question);
        prefer_labels(question);
}

/* Words that nothing else explains: "Smith" in a column of names. */

static bool is_explained(const struct question *question, size_t i)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                bool thin = atom->kind == ATOM_TEXT;
                if (!thin && atom->first <= i && i < atom->first + atom->n)
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

#define PARTS_MAX 48 /* stretches that are looked for inside values */

/* A stretch of the question, and the values of one column that hold it. */
struct part {
        const char *text; /* folded */
        size_t first, n;
        const char *found[VALUES_IN_ATOM];
        size_t n_found; /* more than that are only counted */
        bool verbatim;  /* all of them hold it as it was typed, but for case */
};

struct parts {
        struct part items[PARTS_MAX];
        size_t n;
};

static void part_meets(struct part *part, const char *folded, const char *value)
{
        if (!holds_words(folded, part->text))
                return;
        if (part->n_found < VALUES_IN_ATOM)
                part->found[part->n_found] = value;
        part->n_found++;
        part->verbatim = part->verbatim && strcasestr(value, part->text);
}

static void add_part(struct question *question, const struct part *part, int t, int c)
{
        size_t n = part->n_found < VALUES_IN_ATOM ? part->n_found : VALUES_IN_ATOM;
        const char **values = arena_array(question->arena, n, sizeof(*values));
        if (!values) {
                question->no_memory = true;
                return;
        }
        struct atom *atom = atom_add(question, ATOM_VALUE, part->first, part->n, 1.2);
        memcpy(values, part->found, n * sizeof(*values));
        refs_add(&atom->refs, t, c);
        atom->is_part = true;
        atom->n_values = part->n_found;
        atom->more = values;
        atom->text = part->n == 1 ? question->tokens[part->first].said : part->text;
}

static void find_parts(struct question *question, struct parts *parts, int t, int c)
{
        const struct column_values *values = &question->concepts->values->tables[t].columns[c];
        for (size_t p = 0; p < parts->n; p++) {
                parts->items[p].n_found = 0;
                parts->items[p].verbatim = true;
        }
        for (size_t v = 0; v < values->n_values; v++) {
                char folded[FOLDED_MAX];
                (void)fold_text(values->values[v], folded, sizeof(folded));
                for (size_t p = 0; p < parts->n; p++)
                        part_meets(&parts->items[p], folded, values->values[v]);
        }
        for (size_t p = 0; p < parts->n; p++) {
                const struct part *part = &parts->items[p];
                bool sayable = part->verbatim || part->n_found <= VALUES_IN_ATOM;
                if (part->n_found > 0 && values->complete && sayable)
                        add_part(question, part, t, c);
        }
}

/* The stretches that begin at token i and hold a word that nothing else explains. */
static void collect_parts(struct question *question, size_t i, struct parts *parts)
{
        char text[FOLDED_MAX] = "";
        size_t length = 0;
        bool unexplained = false;
        static const char *const vague[] = {"high", "low",  "new",   "old",   "small", "large",
                                            "long", "short", "good",  "best",  "other", "main",
                                            "north", "south", "east", "west",  "level", "type"};
        for (size_t w = 0; w < ARRAY_SIZE(vague); w++)
                if (strcmp(question->tokens[i].text, vague[w]) == 0 &&
                    !question->tokens[i].capital)
                        return;
        if (question->tokens[i].kind != TOKEN_WORD ||
            strlen(question->tokens[i].text) < (question->tokens[i].capital ? 3 : 4) ||
            (is_explained(question, i) && !question->tokens[i].capital))
                return;
        for (size_t n = 1; n <= 4 && i + n <= question->n_tokens; n++) {
                const struct token *token = &question->tokens[i + n - 1];
                if (token->kind != TOKEN_WORD && token->kind != TOKEN_NUMBER)
                        return;
                unexplained = unexplained || !is_explained(question, i + n - 1);
                if (length + strlen(token->text) + 2 > sizeof(text))
                        return;
                length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
                                           n > 1 ? " " : "", token->text);
                if (!unexplained || parts->n == PARTS_MAX)
                        continue;
                const char *copy = arena_strdup(question->arena, text);
                if (copy)
                        parts->items[parts->n++] =
                                (struct part){.text = copy, .first = i, .n = n};
                else
                        question->no_memory = true;
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
