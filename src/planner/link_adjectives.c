/* Adjectives and the columns that they are about. */
#include "planner/link.h"
#include "planner/link_costs.h"

#include "base/cleanup.h"

#include <string.h>

#define COST_ADJECTIVE 0.0 /* over that of the column's name */
#define COST_OF_TABLE 0.3  /* saved when the name says what the rows are */
#define COST_NEXT_WORD 0.5 /* for each likelier column that is there */

/* "expensive" is about prices. For each adjective the words of columns that it may be about, the
 * likeliest first, and which end is meant. */
struct adjective {
        const char *word;
        enum word kind; /* WORD_SUPER, WORD_COMPARE_OP, WORD_NONE ("expensive" behind "most") */
        bool high;      /* large numbers are what is meant */
        const char *columns[8];
};

#define PRICES                                                                                     \
        {                                                                                          \
                "price", "cost", "fare", "msrp", "fee", "total", "amount", NULL                    \
        }

#define LENGTHS                                                                                    \
        {                                                                                          \
                "duration", "length", "runtime", "los", "tenure", "time", "hours", NULL            \
        }

#define SIZES                                                                                      \
        {                                                                                          \
                "size", "area", "population", "volume", "total", "amount", NULL                    \
        }

static const struct adjective adjectives[] = {
        {"expensive", WORD_NONE, true, PRICES},
        {"priciest", WORD_SUPER, true, PRICES},
        {"costliest", WORD_SUPER, true, PRICES},
        {"dearest", WORD_SUPER, true, PRICES},
        {"cheapest", WORD_SUPER, false, PRICES},
        {"cheaper", WORD_COMPARE_OP, false, PRICES},
        {"costing", WORD_NONE, true, PRICES},
        {"priced", WORD_NONE, true, PRICES},
        {"pricier", WORD_COMPARE_OP, true, PRICES},
        {"sold for", WORD_NONE, true, PRICES},
        {"selling for", WORD_NONE, true, PRICES},
        {"sell for", WORD_NONE, true, PRICES},
        {"went for", WORD_NONE, true, PRICES},
        {"fetched", WORD_NONE, true, PRICES},
        {"oldest", WORD_SUPER, true, {"age", NULL}},
        {"older", WORD_COMPARE_OP, true, {"age", NULL}},
        {"youngest", WORD_SUPER, false, {"age", NULL}},
        {"younger", WORD_COMPARE_OP, false, {"age", NULL}},
        {"old", WORD_NONE, true, {"age", NULL}},
        {"oldest", WORD_SUPER, false, {"birth", "year", "built", "founded", NULL}},
        {"youngest", WORD_SUPER, true, {"birth", NULL}},
        {"newest", WORD_SUPER, true, {"year", "built", "founded", NULL}},
        {"tallest", WORD_SUPER, true, {"height", "elevation", NULL}},
        {"taller", WORD_COMPARE_OP, true, {"height", NULL}},
        {"tall", WORD_NONE, true, {"height", NULL}},
        {"high", WORD_NONE, true, {"height", "elevation", "altitude", NULL}},
        {"heaviest", WORD_SUPER, true, {"weight", NULL}},
        {"heavier", WORD_COMPARE_OP, true, {"weight", NULL}},
        {"heavy", WORD_NONE, true, {"weight", NULL}},
        {"lightest", WORD_SUPER, false, {"weight", NULL}},
        {"lighter", WORD_COMPARE_OP, false, {"weight", NULL}},
        {"longest", WORD_SUPER, true, LENGTHS},
        {"longer", WORD_COMPARE_OP, true, LENGTHS},
        {"long", WORD_NONE, true, LENGTHS},
        {"lasting", WORD_NONE, true, LENGTHS},
        {"shortest", WORD_SUPER, false, LENGTHS},
        {"shorter", WORD_COMPARE_OP, false, LENGTHS},
        {"fastest", WORD_SUPER, true, {"speed", NULL}},
        {"faster", WORD_COMPARE_OP, true, {"speed", NULL}},
        {"fastest", WORD_SUPER, false, {"duration", "time", NULL}},
        {"quickest", WORD_SUPER, false, {"duration", "time", "days", NULL}},
        {"quicker", WORD_COMPARE_OP, false, {"duration", "time", "days", NULL}},
        {"slower", WORD_COMPARE_OP, true, {"duration", "time", "days", NULL}},
        {"slowest", WORD_SUPER, true, {"duration", "time", NULL}},
        {"slowest", WORD_SUPER, false, {"speed", NULL}},
        {"hottest", WORD_SUPER, true, {"temperature", NULL}},
        {"warmest", WORD_SUPER, true, {"temperature", NULL}},
        {"hotter", WORD_COMPARE_OP, true, {"temperature", NULL}},
        {"warmer", WORD_COMPARE_OP, true, {"temperature", NULL}},
        {"hot", WORD_NONE, true, {"temperature", NULL}},
        {"coldest", WORD_SUPER, false, {"temperature", NULL}},
        {"colder", WORD_COMPARE_OP, false, {"temperature", NULL}},
        {"cooler", WORD_COMPARE_OP, false, {"temperature", NULL}},
        {"cold", WORD_NONE, false, {"temperature", NULL}},
        {"wettest", WORD_SUPER, true, {"rain", "precipitation", "humidity", NULL}},
        {"driest", WORD_SUPER, false, {"rain", "precipitation", "humidity", NULL}},
        {"rainiest", WORD_SUPER, true, {"rain", "precipitation", NULL}},
        {"snowiest", WORD_SUPER, true, {"snow", NULL}},
        {"windiest", WORD_SUPER, true, {"wind", NULL}},
        {"sunniest", WORD_SUPER, true, {"sunshine", NULL}},
        {"drier", WORD_COMPARE_OP, false, {"humidity", "rain", "precipitation", NULL}},
        {"wetter", WORD_COMPARE_OP, true, {"rain", "precipitation", "humidity", NULL}},
        {"humid", WORD_NONE, true, {"humidity", NULL}},
        {"largest", WORD_SUPER, true, SIZES},
        {"biggest", WORD_SUPER, true, SIZES},
        {"larger", WORD_COMPARE_OP, true, SIZES},
        {"bigger", WORD_COMPARE_OP, true, SIZES},
        {"smallest", WORD_SUPER, false, SIZES},
        {"smaller", WORD_COMPARE_OP, false, SIZES},
        {"populous", WORD_NONE, true, {"population", NULL}},
        {"populated", WORD_NONE, true, {"population", NULL}},
        {"dense", WORD_NONE, true, {"density", NULL}},
        {"densely populated", WORD_NONE, true, {"density", NULL}},
        {"richest", WORD_SUPER, true, {"gdp", "wealth", "income", NULL}},
        {"poorest", WORD_SUPER, false, {"gdp", "wealth", "income", NULL}},
        {"profitable", WORD_NONE, true, {"profit", NULL}},
        {"rated", WORD_NONE, true, {"rating", "score", "stars", NULL}},
        {"rating", WORD_NONE, true, {"rating", NULL}},
        {"paid", WORD_NONE, true, {"salary", "wage", "pay", NULL}},
        {"earning", WORD_NONE, true, {"salary", "wage", "income", NULL}},
        {"grossing", WORD_NONE, true, {"gross", NULL}},
        {"scoring", WORD_NONE, true, {"score", "points", NULL}},
        {"voted", WORD_NONE, true, {"votes", NULL}},
        {"selling", WORD_NONE, true, {"sold", "quantity", "sales", NULL}},
        {"powerful", WORD_NONE, true, {"horsepower", "power", NULL}},
        {"experienced", WORD_NONE, true, {"experience", NULL}},
        {"efficient", WORD_NONE, true, {"mpg", "efficiency", NULL}},
        {"borrowed", WORD_NONE, true, {"loans", NULL}},
        {"spacious", WORD_NONE, true, {"area", "size", NULL}},
        {"satisfied", WORD_NONE, true, {"satisfaction", NULL}},
        {"happy", WORD_NONE, true, {"satisfaction", "csat", "rating", NULL}},
        {"happiest", WORD_SUPER, true, {"satisfaction", "csat", "rating", NULL}},
        {"unhappiest", WORD_SUPER, false, {"satisfaction", "csat", "rating", NULL}},
        {"warm", WORD_NONE, true, {"temperature", NULL}},
        {"windy", WORD_NONE, true, {"wind", NULL}},
        {"big", WORD_NONE, true, SIZES},
        {"large", WORD_NONE, true, SIZES},
        {"far", WORD_NONE, true, {"distance", "commute", NULL}},
        {"fast", WORD_NONE, true, {"speed", NULL}},
};

/* "Sale Price" of home_sales is the price of a sale. */
static bool shares_table_word(struct question *question, int table,
                              const struct column_facts *facts)
{
        const char *words[PHRASE_WORDS_MAX];
        size_t unit;
        size_t n = name_words(question->arena, question->concepts->dataset->tables[table].name,
                              words, PHRASE_WORDS_MAX, &unit);
        for (size_t w = 0; w < n; w++) {
                const char *stem = stem_of(question->concepts->stemmer, words[w]);
                for (size_t k = 0; stem && k < facts->n_words; k++)
                        if (strcmp(stem, facts->words[k]) == 0)
                                return true;
        }
        return false;
}

/* Columns with the word in their name; those of the cheapest cost. */
static size_t link_adjective_word(struct question *question, size_t i, size_t n,
                                  const struct adjective *adjective, const char *word)
{
        const struct concepts *concepts = question->concepts;
        const char *stem = stem_of(concepts->stemmer, word);
        size_t before = question->n_atoms;
        for (size_t t = 0; stem && t < concepts->dataset->n_tables; t++) {
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        bool with_last = false;
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        bool may = facts->is_number || facts->is_moment;
                        if (!may || facts->is_id ||
                            column_words_said(facts, &stem, 1, &with_last) == 0)
                                continue;
                        double cost =
                                COST_ADJECTIVE + column_cost(facts, 1, with_last) -
                                (shares_table_word(question, (int)t, facts) ? COST_OF_TABLE : 0);
                        struct atom *atom =
                                atom_find_column(question, ATOM_ADJECTIVE, i, n, facts->column);
                        if (!atom || atom < question->atoms + before)
                                atom = atom_add(question, ATOM_ADJECTIVE, i, n, cost);
                        refs_add(&atom->refs, (int)t, (int)c);
                        atom->word = adjective->kind;
                        atom->arg = adjective->high;
                        if (adjective->kind == WORD_COMPARE_OP)
                                atom->arg = adjective->high ? FILTER_GT : FILTER_LT;
                }
        }
        return question->n_atoms - before;
}

void adjectives_link(struct question *question, size_t i)
{
        for (size_t a = 0; a < ARRAY_SIZE(adjectives); a++) {
                const struct adjective *adjective = &adjectives[a];
                const char *second = strchr(adjective->word, ' ');
                size_t n = second ? 2 : 1;
                if (question->tokens[i].kind != TOKEN_WORD || i + n > question->n_tokens)
                        continue;
                size_t length =
                        second ? (size_t)(second - adjective->word) : strlen(adjective->word);
                if (strlen(question->tokens[i].text) != length ||
                    memcmp(question->tokens[i].text, adjective->word, length) != 0 ||
                    (second && strcmp(question->tokens[i + 1].text, second + 1) != 0))
                        continue;
                double more = 0;
                for (size_t w = 0; w < 8 && adjective->columns[w]; w++) {
                        size_t from = question->n_atoms;
                        if (link_adjective_word(question, i, n, adjective, adjective->columns[w]) ==
                            0)
                                continue;
                        atoms_raise_cost(question, from, more);
                        more += COST_NEXT_WORD;
                        if (question->concepts->dataset->n_tables == 1)
                                break;
                }
        }
}
