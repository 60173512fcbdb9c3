/* Numbers, in digits and in words, and texts that are looked for. */
#include "planner/link.h"
#include "planner/link_costs.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define COST_DIGITS 0.2
#define COST_NUMBER_WORD 0.4 /* "three" */
#define COST_FIRST 0.9       /* mostly an order, and not the number one */
#define COST_QUOTED 0.3
#define COST_TEXT 0.6        /* a word behind "starts with" */
#define COST_TEXT_OF_TWO 0.5 /* that one and a name behind it */

void number_link(struct question *question, size_t i)
{
        const struct token *token = &question->tokens[i];
        static const struct {
                const char *word;
                const char *digits;
        } words[] = {
                {"one", "1"},      {"two", "2"},       {"three", "3"},   {"four", "4"},
                {"five", "5"},     {"six", "6"},       {"seven", "7"},   {"eight", "8"},
                {"nine", "9"},     {"ten", "10"},      {"eleven", "11"}, {"twelve", "12"},
                {"fifteen", "15"}, {"twenty", "20"},   {"thirty", "30"}, {"first", "1"},
                {"fifty", "50"},   {"hundred", "100"}, {"third", "3"},   {"second", "2"},
                {"half", "0.5"},   {"dozen", "12"},    {"forty", "40"},
        };
        if (token->kind == TOKEN_NUMBER) {
                struct atom *atom = atom_add(question, ATOM_NUMBER, i, 1, COST_DIGITS);
                atom->number = token->number;
                atom->digits = token->text;
                atom->percent = token->percent;
                atom->money = token->money;
                atom->ordinal = token->ordinal;
        }
        for (size_t w = 0; token->kind == TOKEN_WORD && w < ARRAY_SIZE(words); w++) {
                if (strcmp(token->text, words[w].word) != 0)
                        continue;
                struct atom *atom = atom_add(question, ATOM_NUMBER, i, 1, COST_NUMBER_WORD);
                atom->number = strtod(words[w].digits, NULL);
                atom->digits = words[w].digits;
                atom->cost = strcmp(token->text, "first") == 0 ? COST_FIRST : COST_NUMBER_WORD;
                atom->ordinal = strcmp(token->text, "third") == 0 ||
                                strcmp(token->text, "first") == 0 ||
                                strcmp(token->text, "second") == 0;
        }
}

static bool is_pattern_word(const struct question *question, size_t i)
{
        static const char *const words[] = {
                "contain", "contains", "containing", "with",       "starts", "start",   "starting",
                "begins",  "begin",    "beginning",  "ends",       "end",    "ending",  "in",
                "named",   "called",   "includes",   "include",    "letter", "letters", "word",
                "mention", "mentions", "titled",     "mentioning", "text",   "prefix"};
        const struct token *token = &question->tokens[i];
        for (size_t w = 0; w < ARRAY_SIZE(words); w++)
                if (token->kind == TOKEN_WORD && strcmp(token->text, words[w]) == 0)
                        return true;
        return false;
}

static bool begins_pattern(const struct question *question, size_t i)
{
        static const char *const words[] = {"contain", "start",  "begin",  "end",
                                            "mention", "letter", "includ", "word"};
        static const char *const exact[] = {"named", "called", "titled"};
        for (size_t back = 1; back <= 4 && back <= i; back++) {
                const struct token *token = &question->tokens[i - back];
                for (size_t w = 0; w < ARRAY_SIZE(words); w++)
                        if (token->kind == TOKEN_WORD && strcmp(token->stem, words[w]) == 0)
                                return true;
                for (size_t w = 0; w < ARRAY_SIZE(exact); w++)
                        if (token->kind == TOKEN_WORD && strcmp(token->text, exact[w]) == 0)
                                return true;
                if (!is_pattern_word(question, i - back) && strcmp(token->text, "the") != 0 &&
                    strcmp(token->text, "a") != 0)
                        return false;
        }
        return false;
}

/* What is looked for: a text in quotes anywhere, a word behind "starts with". */
void text_link(struct question *question, size_t i)
{
        const struct token *token = &question->tokens[i];
        if (token->kind == TOKEN_QUOTED)
                atom_add(question, ATOM_TEXT, i, 1, COST_QUOTED)->text = token->said;
        else if ((token->kind == TOKEN_WORD || token->kind == TOKEN_NUMBER) && i > 0 &&
                 begins_pattern(question, i) && !is_pattern_word(question, i) &&
                 !(stem_is_filler(token->text) || strcmp(token->text, "at") == 0)) {
                atom_add(question, ATOM_TEXT, i, 1, COST_TEXT)->text = token->said;
                if (i + 1 < question->n_tokens && question->tokens[i + 1].capital) {
                        const char *both = arena_printf(question->arena, "%s %s", token->said,
                                                        question->tokens[i + 1].said);
                        if (!both)
                                question->no_memory = true;
                        atom_add(question, ATOM_TEXT, i, 2, COST_TEXT_OF_TWO)->text = both;
                }
        }
}
