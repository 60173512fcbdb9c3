/* Columns that are meant without their name: by initials, by a part of a word, by what they hold.
 */
#include "planner/link.h"
#include "planner/link_costs.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

#define COST_INITIALS (COST_NAME + 0.2)
#define COST_DERIVED 0.7         /* "survivor" of Survived */
#define COST_JOINED 0.4          /* "signed up" of signup */
#define COST_DERIVED_MISSING 0.3 /* for each other word of such a name */
#define COST_PLACE 0.1           /* "where" */
#define COST_GENDER 0.3          /* "women" of a column of sexes */
#define COST_MONEY 0.6           /* "the value" of the only money */
#define COST_DESCRIBED 0.35      /* a word of the description */
#define COST_UNIT_SAID 0.55      /* the unit behind a number */
#define SPOKEN_MIN 5             /* letters that two words of one kind begin with */
#define COST_UNIT_NOUN 0.9       /* "hours" for what is measured in hours */
#define COST_COMPOUND 0.6        /* "class" of Pclass */
#define COST_LABEL 0.25          /* "name" */

/* "length of stay" is LOS. */
static void link_initials(struct question *question, size_t i)
{
        const struct concepts *concepts = question->concepts;
        char initials[6];
        for (size_t n = 1; n <= 5 && i + n <= question->n_tokens; n++) {
                const struct token *token = &question->tokens[i + n - 1];
                if (token->kind != TOKEN_WORD)
                        return;
                initials[n - 1] = token->text[0];
                initials[n] = '\0';
                for (size_t t = 0; n >= 3 && t < concepts->dataset->n_tables; t++)
                        for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                                const struct column_facts *facts = &concepts->tables[t].columns[c];
                                if (facts->n_words - facts->n_unit == 1 &&
                                    strcmp(facts->words[0], initials) == 0)
                                        atom_add_column(question, ATOM_COLUMN, i, n, (int)t, (int)c,
                                                        COST_INITIALS);
                        }
        }
}

/* "survivor" of Survived, "directed" of director: one is how the other begins. "signed up" of
 * signup. */
static bool is_derived(const char *word, const char *of_name)
{
        size_t n = strlen(word);
        size_t m = strlen(of_name);
        size_t least = n < m ? n : m;
        return least >= 6 && n != m && (n > m ? n - m : m - n) <= 3 &&
               strncmp(word, of_name, least) == 0;
}

void derived_link(struct question *question, size_t i)
{
        const struct concepts *concepts = question->concepts;
        const struct token *token = &question->tokens[i];
        char joined[2 * WORD_BYTES_MAX] = "";
        if (token->kind != TOKEN_WORD)
                return;
        if (i + 1 < question->n_tokens && question->tokens[i + 1].kind == TOKEN_WORD &&
            strlen(question->tokens[i + 1].text) <= 4)
                (void)snprintf(joined, sizeof(joined), "%s%s", token->stem,
                               question->tokens[i + 1].text);
        for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        for (size_t w = 0; w < facts->n_words - facts->n_unit; w++) {
                                double more = COST_DERIVED_MISSING *
                                              (double)(facts->n_words - facts->n_unit - 1);
                                if (is_derived(token->stem, facts->words[w]))
                                        atom_add_column(question, ATOM_COLUMN, i, 1, (int)t, (int)c,
                                                        COST_DERIVED + more);
                                if (*joined && strcmp(joined, facts->words[w]) == 0)
                                        atom_add_column(question, ATOM_COLUMN, i, 2, (int)t, (int)c,
                                                        COST_JOINED + more);
                        }
                }
}

static bool column_says(const struct column_facts *facts, const char *const *stems)
{
        for (; *stems; stems++)
                for (size_t w = 0; w < facts->n_words; w++)
                        if (strcmp(facts->words[w], *stems) == 0)
                                return true;
        return false;
}

/* "where is X": the column that says a place. */
static void link_where(struct question *question, size_t i)
{
        static const char *const places[] = {"locat",   "place",   "site",   "address",
                                             "citi",    "room",    "venu",   "offic",
                                             "country", "countri", "region", NULL};
        const struct concepts *concepts = question->concepts;
        if (i > 0 || strcmp(question->tokens[i].text, "where") != 0)
                return;
        for (const char *const *place = places; *place; place++) {
                const char *const one[] = {*place, NULL};
                size_t before = question->n_atoms;
                for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                        for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++)
                                if (column_says(&concepts->tables[t].columns[c], one) &&
                                    concepts->tables[t].columns[c].column->kind == COLUMN_TEXT)
                                        atom_add_column(question, ATOM_COLUMN, i, 1, (int)t, (int)c,
                                                        COST_PLACE);
                if (question->n_atoms > before)
                        return;
        }
}

/* "women" is a value of a column of sexes, however it is spelled there. */
static void link_gender(struct question *question, size_t i)
{
        static const char *const columns[] = {"sex", "gender", NULL};
        static const char *const women[] = {"women", "woman", "female", "females", "ladies",
                                            "girls", "f",     "w",      NULL};
        static const char *const men[] = {"men",  "man",       "male", "males", "guys",
                                          "boys", "gentlemen", "m",    NULL};
        const struct concepts *concepts = question->concepts;
        const char *const *group = NULL;
        for (size_t k = 0; women[k] && strlen(women[k]) > 1; k++)
                if (strcmp(question->tokens[i].text, women[k]) == 0)
                        group = women;
        for (size_t k = 0; men[k] && strlen(men[k]) > 1; k++)
                if (strcmp(question->tokens[i].text, men[k]) == 0)
                        group = men;
        for (size_t t = 0; group && t < concepts->dataset->n_tables; t++)
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        if (!facts->values || !column_says(facts, columns))
                                continue;
                        for (size_t v = 0; v < facts->values->n_values; v++) {
                                char folded[32];
                                (void)fold_text(facts->values->values[v], folded, sizeof(folded));
                                for (size_t k = 0; group[k]; k++)
                                        if (strcmp(folded, group[k]) == 0) {
                                                struct atom *atom = atom_add(question, ATOM_VALUE,
                                                                             i, 1, COST_GENDER);
                                                refs_add(&atom->refs, (int)t, (int)c);
                                                atom->values[0] = facts->values->values[v];
                                                atom->n_values = 1;
                                                break;
                                        }
                        }
                }
}

static bool is_money(const struct column_facts *facts)
{
        const char *unit = facts->column->unit;
        if (unit && (strcmp(unit, "USD") == 0 || strcmp(unit, "EUR") == 0))
                return true;
        for (size_t w = facts->n_words - facts->n_unit; w < facts->n_words; w++)
                if (strcmp(facts->words[w], "usd") == 0 || strcmp(facts->words[w], "eur") == 0)
                        return true;
        return false;
}

/* "orders worth": of the orders, and of nothing else. */
static bool follows_other_table(const struct question *question, size_t i, int table)
{
        bool other = false;
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if (atom->kind != ATOM_TABLE || atom->first + atom->n != i)
                        continue;
                if (atom->index == table)
                        return false;
                other = true;
        }
        return other;
}

/* "the value of the orders", where one column of theirs is money. */
static void link_money(struct question *question, size_t i)
{
        static const char *const words[] = {"value", "worth", "money", "amount"};
        const struct concepts *concepts = question->concepts;
        bool said = false;
        for (size_t w = 0; w < ARRAY_SIZE(words); w++)
                said = said || strcmp(question->tokens[i].text, words[w]) == 0;
        for (size_t t = 0; said && t < concepts->dataset->n_tables; t++) {
                int found = -1;
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++)
                        if (is_money(&concepts->tables[t].columns[c]))
                                found = found == -1 ? (int)c : -2;
                if (found >= 0 && !follows_other_table(question, i, (int)t))
                        atom_add_column(question, ATOM_COLUMN, i, 1, (int)t, found, COST_MONEY);
        }
}

/* "opened", where a time is described as "When the ticket was opened". */
static void link_description(struct question *question, size_t i)
{
        const struct concepts *concepts = question->concepts;
        const char *word = question->tokens[i].text;
        size_t n = strlen(word);
        if (question->tokens[i].kind != TOKEN_WORD || n < 5 || strcmp(word + n - 2, "ed") != 0)
                return;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        const char *text = facts->column->description;
                        const char *at = text && facts->is_moment ? strcasestr(text, word) : NULL;
                        if (at && (at == text || at[-1] == ' ') &&
                            !strchr("abcdefghijklmnopqrstuvwxyz_", at[n] ? at[n] : '_'))
                                atom_add_column(question, ATOM_COLUMN, i, 1, (int)t, (int)c,
                                                COST_DESCRIBED);
                }
}

/* "Pressure hPa" ends in the word "hPa". */
static bool ends_in(const char *name, const char *word)
{
        size_t n = strlen(name);
        size_t m = strlen(word);
        return n > m + 1 && strcmp(name + n - m, word) == 0 && name[n - m - 1] == ' ';
}

/* A unit behind a number, as some column has it: "85 km/h". */
static void link_unit(struct question *question, size_t i)
{
        const struct concepts *concepts = question->concepts;
        const struct token *token = &question->tokens[i];
        size_t at = i;
        while (at > 0 && question->tokens[at].kind != TOKEN_NUMBER && i - at < 4)
                at--;
        if (token->kind != TOKEN_WORD || question->tokens[at].kind != TOKEN_NUMBER || at == i)
                return;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        bool meets =
                                facts->column->unit && strcasestr(facts->column->unit, token->text);
                        for (size_t w = facts->n_words - facts->n_unit; w < facts->n_words; w++)
                                meets = meets || strcmp(facts->words[w], token->stem) == 0;
                        if (!meets && !ends_in(facts->column->name, token->said))
                                continue;
                        atom_add(question, ATOM_LIGHT, i, 1, COST_UNIT_SAID)->arg = UNIT_OF_COLUMN;
                        return;
                }
}

/* "class" is in "Pclass". */
static void link_compound(struct question *question, size_t i)
{
        const struct concepts *concepts = question->concepts;
        const struct token *token = &question->tokens[i];
        size_t n = strlen(token->stem);
        if (token->kind != TOKEN_WORD || n < 4)
                return;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        size_t length = facts->n_words == 1 ? strlen(facts->words[0]) : 0;
                        if (length > n && length <= n + 2 &&
                            strcmp(facts->words[0] + length - n, token->stem) == 0)
                                atom_add_column(question, ATOM_COLUMN, i, 1, (int)t, (int)c,
                                                COST_COMPOUND);
                }
}

/* "name" is the column that names the rows. */
static void link_label(struct question *question, size_t i)
{
        const struct concepts *concepts = question->concepts;
        const struct token *token = &question->tokens[i];
        if (token->kind != TOKEN_WORD ||
            (strcmp(token->text, "name") != 0 && strcmp(token->text, "names") != 0))
                return;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                if (concepts->tables[t].label >= 0 &&
                    !concepts->tables[t].columns[concepts->tables[t].label].is_id)
                        atom_add_column(question, ATOM_COLUMN, i, 1, (int)t,
                                        concepts->tables[t].label, COST_LABEL);
}

/* "resolving", of a resolution time. */
static bool is_spoken_of(const struct question *question, const struct column_facts *facts)
{
        for (size_t i = 0; i < question->n_tokens; i++)
                for (size_t w = 0; w < facts->n_words - facts->n_unit; w++)
                        if (question->tokens[i].kind == TOKEN_WORD &&
                            strlen(question->tokens[i].text) >= SPOKEN_MIN &&
                            strncmp(question->tokens[i].text, facts->words[w], SPOKEN_MIN) == 0)
                                return true;
        return false;
}

/* "total hours", where one column only is in hours. */
static void link_unit_noun(struct question *question, size_t i)
{
        static const char *const units[] = {"hours", "minutes", "km", NULL};
        const struct concepts *concepts = question->concepts;
        const struct token *token = &question->tokens[i];
        struct colref found = {0, 0};
        int n = 0;
        if (token->kind != TOKEN_WORD || !word_among(token->text, units) ||
            (i > 0 && question->tokens[i - 1].kind == TOKEN_NUMBER))
                return;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        bool has = facts->is_number && !facts->is_id && facts->column->unit &&
                                   strcmp(facts->column->unit, token->text) == 0;
                        for (size_t w = facts->n_words - facts->n_unit; w < facts->n_words; w++)
                                has = has || strcmp(facts->words[w], token->stem) == 0;
                        if (!has)
                                continue;
                        found = (struct colref){(int)t, (int)c};
                        n++;
                }
        if (n == 1 && is_spoken_of(question, concept_column(concepts, found)))
                atom_add_column(question, ATOM_COLUMN, i, 1, found.table, found.column,
                                COST_UNIT_NOUN);
}

void hints_link(struct question *question, size_t i)
{
        link_unit_noun(question, i);
        link_initials(question, i);
        link_compound(question, i);
        link_label(question, i);
        link_where(question, i);
        link_gender(question, i);
        link_unit(question, i);
        link_description(question, i);
        link_money(question, i);
}
