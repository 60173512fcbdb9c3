/* From the question's words to what they may mean. */
#include "planner/link.h"
#include "planner/link_costs.h"

#include "base/cleanup.h"

#include <string.h>

#define SPAN_MAX 7 /* tokens of a name or a value */

static bool is_one_of(const char *text, const char *const *words)
{
        while (*words && strcmp(*words, text) != 0)
                words++;
        return *words;
}

static bool says_several(const struct token *token)
{
        static const char *const irregular[] = {"people", "women", "men", "children", NULL};
        size_t n = strlen(token->text);
        if (token->kind != TOKEN_WORD)
                return false;
        if (is_one_of(token->text, irregular))
                return true;
        return n > 2 && token->text[n - 1] == 's' && !strchr("sui", token->text[n - 2]);
}

/* "ordered", "are buying": what was done. */
static bool says_deed(const struct token *begin, const struct token *last)
{
        static const char *const deeds[] = {"bought", "buying", "ordering", "buys", NULL};
        size_t n = strlen(begin->text);
        if (begin->kind != TOKEN_WORD || n <= 4)
                return false;
        return strcmp(begin->text + n - 2, "ed") == 0 || is_one_of(last->text, deeds);
}

struct atom *atom_add(struct question *question, enum atom_kind kind, size_t first, size_t n,
                      double cost)
{
        static _Thread_local struct atom beyond; /* nobody reads it */
        if (question->n_atoms >= ATOMS_MAX)
                return &beyond;
        struct atom *atom = &question->atoms[question->n_atoms++];
        *atom = (struct atom){.kind = kind, .first = first, .n = n, .cost = cost, .index = -1};
        atom->plural = says_several(&question->tokens[first + n - 1]);
        atom->is_verb =
                n <= 2 && says_deed(&question->tokens[first], &question->tokens[first + n - 1]);
        return atom;
}

/* What add_... added since the atom numbered `from` costs more. */
void atoms_raise_cost(struct question *question, size_t from, double by)
{
        for (size_t a = from; a < question->n_atoms; a++)
                question->atoms[a].cost += by;
}

/* A sign that may stand between the words of a name. */
static bool is_joint(const struct token *token)
{
        return token->kind == TOKEN_SIGN &&
               (strcmp(token->text, "-") == 0 || strcmp(token->text, "/") == 0 ||
                strcmp(token->text, ".") == 0);
}

/* The next tokens as stems, up to SPAN_MAX; hyphens between them count for nothing. ends[k] is how
 * many tokens the first k + 1 stems take. */
static size_t stems_at(const struct question *question, size_t i, const char **stems, size_t *ends)
{
        size_t n = 0;
        for (size_t k = i; k < question->n_tokens && n < SPAN_MAX; k++) {
                const struct token *token = &question->tokens[k];
                if (is_joint(token) && n > 0)
                        continue;
                if (token->kind != TOKEN_WORD && token->kind != TOKEN_NUMBER)
                        break;
                stems[n] = token->stem;
                ends[n++] = k - i + 1;
        }
        return n;
}

/* Small words that may stand between the words of a name: "units did we sell". */
static bool is_between(const struct token *token)
{
        static const char *const words[] = {"do",   "does", "did", "we",  "have", "has",
                                            "had",  "is",   "are", "was", "were", "being",
                                            "been", "now",  "you", NULL};
        return token->kind == TOKEN_WORD && word_among(token->text, words);
}

/* As stems_at, without the small words between; 0 when there are none. */
static size_t stems_apart(const struct question *question, size_t i, const char **stems,
                          size_t *ends)
{
        size_t n = 0;
        bool apart = false;
        for (size_t k = i; k < question->n_tokens && n < SPAN_MAX; k++) {
                const struct token *token = &question->tokens[k];
                if (token->kind != TOKEN_WORD)
                        break;
                if (n > 0 && is_between(token)) {
                        apart = true;
                        continue;
                }
                if (n > 0 && !apart && k > i + 1)
                        break; /* they stand behind the first word */
                stems[n] = token->stem;
                ends[n++] = k - i + 1;
        }
        return apart ? n : 0;
}

static bool has_link(const struct question *question, size_t i)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if (atom->first <= i && i < atom->first + atom->n)
                        return true;
        }
        return false;
}

static bool has_name_link(const struct question *question, size_t i)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if (atom->kind >= ATOM_TABLE && atom->kind != ATOM_ADJECTIVE && atom->first <= i &&
                    i < atom->first + atom->n && atom->cost <= COST_GOOD)
                        return true;
        }
        return false;
}

/* "profit (gross minus budget)", "profit, that is gross minus budget". */
static bool is_defined(const struct question *question, size_t i)
{
        static const char *const begins[] = {"(", "ie", "meaning", "is", NULL};
        static const char *const signs[] = {"minus", "plus", "times", "divided", NULL};
        const struct token *tokens = question->tokens;
        size_t at = i + 1;
        while (at < question->n_tokens && at < i + 4 && !word_among(tokens[at].text, begins))
                at++;
        bool that = at < question->n_tokens && strcmp(tokens[at].text, "is") == 0;
        if (at >= question->n_tokens || at >= i + 4 ||
            (that && strcmp(tokens[at - 1].text, "that") != 0))
                return false;
        for (size_t k = at + 1; k < question->n_tokens && k < at + 5; k++)
                if (word_among(tokens[k].text, signs))
                        return true;
        return false;
}

/* "California (CA)": the brackets say what is meant. */
static bool is_glossed(const struct question *question, size_t i)
{
        const struct token *tokens = question->tokens;
        if (is_defined(question, i) && !has_link(question, i))
                return true;
        if (i + 3 >= question->n_tokens || strcmp(tokens[i + 1].text, "(") != 0)
                return false;
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                size_t end = atom->first + atom->n;
                if (atom->kind == ATOM_VALUE && atom->first == i + 2 && !atom->is_part &&
                    end < question->n_tokens && strcmp(tokens[end].text, ")") == 0)
                        return true;
        }
        return false;
}

static void link_unknown(struct question *question, size_t i)
{
        const struct token *token = &question->tokens[i];
        double cost = token->kind == TOKEN_SIGN ? COST_SIGN : COST_UNKNOWN;
        if (token->kind == TOKEN_WORD && is_glossed(question, i))
                atom_add(question, ATOM_LIGHT, i, 1, COST_GLOSSED);
        if (token->kind == TOKEN_SIGN && !has_link(question, i))
                atom_add(question, ATOM_LIGHT, i, 1, cost);
        atom_add(question, ATOM_UNKNOWN, i, 1, COST_UNKNOWN);
}

int question_link(struct question *question, struct error *err)
{
        for (size_t i = 0; i < question->n_tokens; i++) {
                const char *stems[SPAN_MAX];
                size_t ends[SPAN_MAX];
                size_t n = stems_at(question, i, stems, ends);
                phrases_link(question, i, stems, ends, n, 1);
                n = stems_apart(question, i, stems, ends);
                size_t from = question->n_atoms;
                phrases_link(question, i, stems, ends, n, 2);
                atoms_raise_cost(question, from, COST_APART);
                n = stems_at(question, i, stems, ends);
                if (question->tokens[i].kind == TOKEN_WORD)
                        for (size_t k = 1; k <= n && k <= 5; k++)
                                columns_link(question, i, stems, k, ends[k - 1]);
                if (n > 0)
                        tables_link(question, i, stems[0]);
                hints_link(question, i);
                grammar_link(question, i);
                time_link(question, i);
                number_link(question, i);
                text_link(question, i);
                adjectives_link(question, i);
        }
        values_link(question);
        for (size_t i = 0; i < question->n_tokens; i++)
                if (question->tokens[i].kind == TOKEN_WORD && !has_name_link(question, i)) {
                        synonyms_link(question, i);
                        derived_link(question, i);
                }
        values_link_parts(question);
        for (size_t i = 0; i < question->n_tokens; i++)
                link_unknown(question, i);
        return question->no_memory || question->n_atoms >= ATOMS_MAX ? error_oom(err) : 0;
}
