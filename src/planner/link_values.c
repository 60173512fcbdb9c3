/* Stretches of the question that are a value of the data. The question's stretches are few and the
 * values many, so the values are gone through once and each is looked up among the stretches. */
#include "planner/link.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define GRAM_WORDS_MAX 8
#define GRAMS_MAX 2048
#define TABLE_SIZE 4096 /* of the hash table; a power of two above GRAMS_MAX */

#define COST_VALUE 0.25         /* of words that are a value; spellings cost more */
#define COST_VERBATIM (-0.3)    /* of one typed as the data has it: "Resolved" */
#define COST_SAME 0.01          /* costs that differ by less are the same */
#define COST_OWNERS_WORDS 0.4   /* a value where the owner gave the words a meaning */
#define COST_NUMBERS_NAME 0.4   /* a value where they name a column of numbers */
#define COST_NAME_SURE 0.35     /* a name below it is said in full */
#define COST_FLAGS_NAME 0.5     /* the name of a column of yes and no that is a value too */
#define COST_VALUE_SURE 0.5     /* a value below it is spelled well */
#define COST_EXACT_MAX 0.26     /* a value up to it is said exactly */
#define COST_RESPELLED_MIN 0.28 /* one between these is in another spelling */
#define COST_RESPELLED_MAX 0.42
#define COST_RESPELLED_BESIDE 0.3 /* one of those beside an exact one */
#define COST_REFUSAL_BESIDE 2     /* a refusal beside an exact value */
#define COST_NO_LABEL 0.4         /* a value of another column than the label, which has it too */

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
                {"ies", "y", false, 0.05},  {"es", "", false, 0.1},  {"s", "", false, 0.05},
                {"y", "ies", false, 0.05},  {"", "s", false, 0.05},  {"", "es", false, 0.1},
                {"n", "", true, 0.1},       {"an", "", true, 0.1},   {"ian", "y", true, 0.1},
                {"ish", "", true, 0.1},     {"gy", "", false, 0.1},  {"ny", "ne", false, 0.1},
                {"ny", "n", false, 0.1},    {"my", "m", false, 0.1}, {"y", "", false, 0.15},
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

/* A sign that may stand between the words of a value. */
static bool is_joint(const struct token *token)
{
        static const char *const joints[] = {"-", "/", ".", "+", ",", ":", NULL};
        return token->kind == TOKEN_SIGN && word_among(token->text, joints);
}

static bool is_grammar_word(const struct question *question, size_t i)
{
        const struct token *token = &question->tokens[i];
        if (token->capital || token->kind != TOKEN_WORD)
                return false;
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if (atom->first == i && atom->n == 1 &&
                    (atom->kind == ATOM_LIGHT ||
                     (atom->kind == ATOM_WORD && atom->word != WORD_REFUSE)))
                        return true;
        }
        return false;
}

/* True when tokens first.. say nothing but words of the grammar, in small letters. */
static bool is_grammar(const struct question *question, size_t first, size_t n)
{
        for (size_t i = first; i < first + n; i++)
                if (!is_grammar_word(question, i))
                        return false;
        return true;
}

static size_t fold_token(const struct token *token, char *out, size_t size)
{
        if (token->kind == TOKEN_WORD)
                return (size_t)snprintf(out, size, "%s", token->text);
        return fold_text(token->said, out, size);
}

/* "K80.2": folded texts keep a point between digits. */
static bool is_point(const struct token *token, char after, char before)
{
        return token->kind == TOKEN_SIGN && strcmp(token->text, ".") == 0 && after >= '0' &&
               after <= '9' && before >= '0' && before <= '9';
}

static void add_stretch(struct grams *grams, const char *text, size_t first, size_t n, bool capital)
{
        const struct token *last = &grams->question->tokens[first + n - 1];
        add_gram(grams, text, first, n, 0);
        if (last->kind == TOKEN_WORD)
                add_spellings(grams, text, first, n, capital);
        if (last->possessive) {
                char with_s[FOLDED_MAX];
                (void)snprintf(with_s, sizeof(with_s), "%ss", text);
                add_gram(grams, with_s, first, n, 0);
        }
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
                size_t n = fold_token(token, folded, sizeof(folded));
                if (length + n + 2 > sizeof(text))
                        break;
                bool point = words > 0 && is_point(token - 1, folded[0], text[length - 1]);
                length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
                                           point   ? "."
                                           : words ? " "
                                                   : "",
                                           folded);
                words++;
                capital = capital || token->capital || first == 0;
                if (!is_grammar(question, first, i - first + 1))
                        add_stretch(grams, text, first, i - first + 1, capital);
        }
}

static struct atom *find_value_atom(struct question *question, const struct gram *gram, int t,
                                    int c)
{
        const struct column *column = &question->concepts->dataset->tables[t].columns[c];
        for (size_t a = question->n_atoms; a > 0; a--) {
                struct atom *atom = &question->atoms[a - 1];
                if (atom->kind != ATOM_VALUE || atom->first != gram->first || atom->n != gram->n)
                        continue;
                const struct column_facts *facts =
                        concept_column(question->concepts, atom->refs.at[0]);
                if (strcasecmp(facts->column->name, column->name) == 0)
                        return atom;
        }
        return NULL;
}

bool question_owners_words(const struct question *question, size_t first, size_t n)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if ((atom->kind == ATOM_SEGMENT || atom->kind == ATOM_MEASURE) &&
                    atom->first == first && atom->n == n)
                        return true;
        }
        return false;
}

/* "Ruth Novak", every word with its capital. */
static bool is_verbatim(const struct question *question, const struct gram *gram, const char *value)
{
        size_t at = 0;
        for (size_t i = gram->first; i < gram->first + gram->n; i++) {
                const struct token *token = &question->tokens[i];
                size_t n = strlen(token->said);
                if (!token->capital || token->possessive || token->kind != TOKEN_WORD ||
                    strncmp(value + at, token->said, n) != 0)
                        return false;
                at += n;
                if (value[at] == ' ')
                        at++;
        }
        return gram->n > 1 && value[at] == '\0';
}

static double value_cost(const struct question *question, const struct gram *gram,
                         const char *value)
{
        const struct token *token = &question->tokens[gram->first];
        if (gram->n == 1 && token->capital && strcmp(token->said, value) == 0)
                return COST_VERBATIM;
        if (is_verbatim(question, gram, value)) /* dearer than none of its words alone */
                return COST_VERBATIM * (double)(gram->n + 1);
        bool owners = question_owners_words(question, gram->first, gram->n);
        return COST_VALUE + gram->cost + (owners ? COST_OWNERS_WORDS : 0);
}

static void add_value(struct question *question, const struct gram *gram, int t, int c,
                      const char *value)
{
        double cost = value_cost(question, gram, value);
        struct atom *atom = find_value_atom(question, gram, t, c);
        if (!atom)
                atom = atom_add(question, ATOM_VALUE, gram->first, gram->n, cost);
        else if (atom->cost > cost + COST_SAME) { /* a better spelling */
                atom->n_values = 0;
                atom->refs.n = 0;
                atom->cost = cost;
        } else if (atom->cost < cost - COST_SAME) {
                return;
        }
        refs_add(&atom->refs, t, c);
        for (size_t i = 0; i < atom->n_values; i++)
                if (strcmp(atom->values[i], value) == 0)
                        return;
        if (atom->n_values < ARRAY_SIZE(atom->values))
                atom->values[atom->n_values++] = value;
}

static void look_up(const struct grams *grams, const struct value_text *text, int t, int c)
{
        uint32_t hash = hash_text(text->folded, text->n_folded);
        for (uint32_t slot = hash % TABLE_SIZE; grams->slots[slot];
             slot = (slot + 1) % TABLE_SIZE) {
                const struct gram *gram = &grams->items[grams->slots[slot] - 1];
                if (gram->hash == hash && strcmp(gram->text, text->folded) == 0)
                        add_value(grams->question, gram, t, c, text->value);
        }
}

static void look_up_column(const struct grams *grams, int t, int c)
{
        const struct column_facts *facts =
                concept_column(grams->question->concepts, (struct colref){t, c});
        for (size_t v = 0; v < facts->n_texts; v++)
                look_up(grams, &facts->texts[v], t, c);
}

static bool same_words(const struct atom *a, const struct atom *b)
{
        return a->first == b->first && a->n == b->n;
}

/* "rain" is an amount sooner than a day. */
static void prefer_number(struct question *question, const struct atom *number)
{
        for (size_t v = 0; v < question->n_atoms; v++) {
                struct atom *value = &question->atoms[v];
                if (value->kind == ATOM_VALUE && same_words(value, number))
                        value->cost += COST_NUMBERS_NAME;
        }
}

/* "returned" is a value of one column and the name of another that says yes or no: the same, and
 * one of them is enough. */
static void prefer_value(const struct question *question, struct atom *flag)
{
        for (size_t v = 0; v < question->n_atoms; v++) {
                const struct atom *value = &question->atoms[v];
                if (value->kind == ATOM_VALUE && same_words(value, flag) &&
                    value->cost < COST_VALUE_SURE) {
                        flag->cost += COST_FLAGS_NAME;
                        return;
                }
        }
}

static void weigh_names(struct question *question)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                struct atom *name = &question->atoms[a];
                if (name->kind != ATOM_COLUMN)
                        continue;
                const struct column_facts *facts =
                        concept_column(question->concepts, name->refs.at[0]);
                if (facts->is_flag)
                        prefer_value(question, name);
                else if (facts->is_number && name->cost < COST_NAME_SURE)
                        prefer_number(question, name);
        }
}

/* True when its column is what people call a row. */
static bool is_label(const struct concepts *concepts, const struct atom *value)
{
        const struct colref ref = value->refs.at[0];
        return concepts->tables[ref.table].label == ref.column;
}

/* What else the words of a value that was said exactly may be: in another spelling a value too
 * ("contract" is no "Contracts"), or a reason to refuse ("in good condition"). */
static void prefer_exact(struct question *question)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *exact = &question->atoms[a];
                if (exact->kind != ATOM_VALUE || exact->cost > COST_EXACT_MAX || exact->is_part)
                        continue;
                for (size_t o = 0; o < question->n_atoms; o++) {
                        struct atom *other = &question->atoms[o];
                        if (!same_words(other, exact))
                                continue;
                        if (other->kind == ATOM_VALUE && other->cost > COST_RESPELLED_MIN &&
                            other->cost < COST_RESPELLED_MAX)
                                other->cost += COST_RESPELLED_BESIDE;
                        if (other->kind == ATOM_WORD && other->word == WORD_REFUSE)
                                other->cost += COST_REFUSAL_BESIDE;
                }
        }
}

/* "Ivan Moreau" is whoever the row is about sooner than somebody's manager. */
static void prefer_labels(struct question *question)
{
        const struct concepts *concepts = question->concepts;
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *label = &question->atoms[a];
                if (label->kind != ATOM_VALUE || label->is_part || !is_label(concepts, label))
                        continue;
                for (size_t o = 0; o < question->n_atoms; o++) {
                        struct atom *other = &question->atoms[o];
                        if (other->kind == ATOM_VALUE && same_words(other, label) &&
                            !is_label(concepts, other))
                                other->cost += COST_NO_LABEL;
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
        weigh_names(question);
        prefer_exact(question);
        prefer_labels(question);
}
