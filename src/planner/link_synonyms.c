/* Words that stand for the words of a name. */
#include "planner/link.h"
#include "planner/link_costs.h"

#include "base/cleanup.h"

#include <string.h>

/* Words that stand for each other where the data has only one of them. */
static const char *const synonyms[][7] = {
        {"salary", "pay", "wage", "earnings", "compensation", "earn", "paid"},
        {"salary", "earner", NULL},
        {"hire", "joined", "join", "started", NULL},
        {"birth", "born", NULL},
        {"gender", "sex", NULL},
        {"country", "nation", NULL},
        {"film", "movie", NULL},
        {"customer", "client", "buyer", "shopper", "subscriber", NULL},
        {"employee", "staff", "worker", "person", "colleague", NULL},
        {"passenger", "traveller", "traveler", "person", NULL},
        {"revenue", "sales", "turnover", NULL},
        {"rating", "score", NULL},
        {"duration", "length", "runtime", NULL},
        {"city", "town", NULL},
        {"phone", "telephone", NULL},
        {"population", "inhabitant", "people", "person", NULL},
        {"bathroom", "bath", NULL},
        {"bedroom", "bed", NULL},
        {"department", "division", NULL},
        {"manager", "boss", "supervisor", NULL},
        {"rain", "rainfall", "precipitation", NULL},
        {"snow", "snowfall", NULL},
        {"job", "position", "role", "occupation", NULL},
        {"author", "writer", NULL},
        {"home", "house", "property", NULL},
        {"size", "area", NULL},
        {"fee", "charge", NULL},
        {"weight", "weigh", NULL},
        {"height", "tall", NULL},
        {"price", "cost", "fare", "paid", "pay", NULL},
        {"child", "kid", NULL},
        {"car", "vehicle", NULL},
        {"patient", "person", NULL},
        {"admission", "stay", NULL},
        {"title", "name", NULL},
        {"fuel", "gas", "petrol", NULL},
        {"signup", "joined", "registered", NULL},
        {"sunshine", "sun", NULL},
        {"humidity", "humid", NULL},
        {"temperature", "temp", NULL},
        {"wind", "windy", NULL},
        {"member", "user", NULL},
        {"station", "site", NULL},
        {"state", "province", NULL},
        {"product", "item", "article", NULL},
        {"order", "purchase", NULL},
        {"certificate", "rated", NULL},
        {"diagnosis", "disease", "condition", NULL},
};

static void link_word_for(struct question *question, size_t i, const char *word)
{
        const size_t ends[1] = {1};
        const char *stem = stem_of(question->concepts->stemmer, word);
        if (!stem) {
                question->no_memory = true;
                return;
        }
        phrases_link(question, i, &stem, ends, 1, 1);
        columns_link(question, i, &stem, 1, 1);
        tables_link(question, i, stem);
}

void synonyms_link(struct question *question, size_t i)
{
        const struct token *token = &question->tokens[i];
        size_t from = question->n_atoms;
        if (strcmp(token->text, "rate") == 0 || strcmp(token->text, "rates") == 0)
                return; /* has the stem of "rating" */
        for (size_t s = 0; s < ARRAY_SIZE(synonyms); s++) {
                bool found = false;
                for (size_t w = 0; w < 7 && synonyms[s][w] && !found; w++) {
                        const char *stem = stem_of(question->concepts->stemmer, synonyms[s][w]);
                        found = stem && strcmp(stem, token->stem) == 0;
                }
                for (size_t w = 0; found && w < 7 && synonyms[s][w]; w++)
                        link_word_for(question, i, synonyms[s][w]);
        }
        atoms_raise_cost(question, from, COST_SYNONYM);
}
