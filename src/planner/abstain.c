#include "planner/abstain.h"

#include "planner/printable.h"
#include "planner/reading.h"
#include "planner/suggest.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

#define CHOICES_MAX 4
#define QUESTIONS_MAX 3       /* that are proposed */
#define EXAMPLE_VALUES_MAX 30 /* a column of so few is good to group by */
#define SHOWN_BYTES 101       /* of a word or name in a message, with its end */

void misreading_add(struct misreading *why, const struct path *path, const struct misread *misread)
{
        if (why->has_path)
                return;
        why->has_path = true;
        if (why->refused < 0)
                why->refused = misread->refused;
        why->stuck = misread->stuck;
        for (size_t i = 0; i < path->n && why->n_words < WORDS_UNKNOWN_MAX; i++)
                if (path->atoms[i]->kind == ATOM_UNKNOWN)
                        why->words[why->n_words++] = path->atoms[i]->first;
}

/* Appends to a list that is being made; false when there is no memory. */
static bool append(json_t *list, json_t *item)
{
        return json_array_append_new(list, item) == 0;
}

/* Fills in the two names; there are enough questions when the list is full. */
__attribute__((format(printf, 2, 0))) static bool add_question(json_t *list, const char *format,
                                                               const char *a, const char *b)
{
        char shown[2][SHOWN_BYTES];
        char text[3 * SHOWN_BYTES];
        if (json_array_size(list) >= QUESTIONS_MAX)
                return true;
        (void)printable(a, shown[0], sizeof(shown[0]));
        (void)printable(b, shown[1], sizeof(shown[1]));
        (void)snprintf(text, sizeof(text), format, shown[0], shown[1]);
        return append(list, printable_json(text));
}

/* Columns that questions can be made of, NULL without one. */
struct examples {
        const char *number, *dimension;
        const char *value, *value_column;
};

static void find_examples(const struct table_facts *table, struct examples *examples)
{
        for (size_t c = 0; c < table->table->n_columns; c++) {
                const struct column_facts *facts = &table->columns[c];
                const char *name = facts->column->name;
                bool few = facts->n_distinct > 1 && facts->n_distinct <= EXAMPLE_VALUES_MAX;
                bool measured =
                        facts->is_number && !facts->is_id && !facts->is_year && !facts->is_flag;
                if (!examples->number && measured)
                        examples->number = name;
                if (!examples->dimension && facts->column->kind == COLUMN_TEXT && few)
                        examples->dimension = name;
                if (!examples->value && few && facts->values && facts->values->n_values > 1) {
                        examples->value = facts->values->values[0];
                        examples->value_column = name;
                }
        }
}

static bool add_made_questions(const struct concepts *concepts, json_t *list)
{
        const struct table_facts *table = &concepts->tables[0];
        struct examples examples = {0};
        char rows[SHOWN_BYTES] = "rows";
        find_examples(table, &examples);
        const char *number = examples.number;
        const char *dimension = examples.dimension;
        if (concepts->dataset->n_tables > 1)
                (void)snprintf(rows, sizeof(rows), "rows of %s", table->table->name);
        bool ok = true;
        if (dimension)
                ok = ok && add_question(list, "How many %s are there by %s?", rows, dimension);
        if (number && dimension)
                ok = ok && add_question(list, "Average %s by %s", number, dimension);
        if (examples.value)
                ok = ok && add_question(list, "How many rows have %s %s?", examples.value_column,
                                        examples.value);
        ok = ok && add_question(list, "How many %s are there?%s", rows, "");
        if (number)
                ok = ok && add_question(list, "What is the highest %s?%s", number, "");
        return ok && add_question(list, "List the first 10 %s%s", rows, "");
}

/* Questions that this dataset can be asked: the owner's prompts, then some made of its columns. */
static json_t *questions_of(const struct question *question)
{
        const struct dataset *dataset = question->concepts->dataset;
        json_t *list = json_array();
        bool ok = list != NULL;
        for (size_t i = 0; ok && i < dataset->n_prompts && i < QUESTIONS_MAX; i++)
                ok = append(list, printable_json(dataset->prompts[i].text));
        if (ok && add_made_questions(question->concepts, list))
                return list;
        json_decref(list);
        return NULL;
}

/* The parts of an abstention that are not in all of them; NULL is an empty list. */
struct details {
        json_t *words, *nearest, *choices;
};

static void details_done(struct details *details)
{
        json_decref(details->words);
        json_decref(details->nearest);
        json_decref(details->choices);
}

static json_t *list_or_empty(json_t *list)
{
        return list ? json_incref(list) : json_array();
}

/* The message is a sentence of ours with printable() parts. */
static int fill(struct planner_output *output, const struct question *question,
                enum abstention_reason reason, const char *message, const struct details *details,
                struct error *err)
{
        output->outcome = PLANNER_ABSTAINED;
        output->abstention = json_pack(
                "{s:s, s:s, s:o, s:o, s:o, s:o}", "reason", abstention_reason_word(reason),
                "message", message, "words", list_or_empty(details->words), "nearest",
                list_or_empty(details->nearest), "choices", list_or_empty(details->choices),
                "questions", questions_of(question));
        return output->abstention ? 0 : error_oom(err);
}

static int fill_without(struct planner_output *output, const struct question *question,
                        enum abstention_reason reason, const char *message, struct error *err)
{
        const struct details none = {0};
        return fill(output, question, reason, message, &none, err);
}

static const char *refusal_message(enum refusal refusal)
{
        switch (refusal) {
        case REFUSE_CAUSE:
                return "the data says what happened, not why; ask for the numbers themselves, by "
                       "time or by group";
        case REFUSE_FUTURE:
                return "the data holds what was, not what will be; ask about the past";
        case REFUSE_OPINION:
                return "that is for people to judge; ask for the numbers that you would judge by";
        case REFUSE_WRITE:
                return "the data can only be read; nothing in it is changed, added or sent";
        case REFUSE_STATISTIC:
                return "a query plan cannot say that; sums, averages, medians, counts, shares and "
                       "rankings are possible";
        default:
                return "it is not clear which numbers are meant; name a column and what to do with "
                       "it";
        }
}

/* The atom's words, as far as they fit. */
static void show_atom(const struct question *question, const struct atom *atom, char *out,
                      size_t size)
{
        size_t used = 0;
        out[0] = '\0';
        for (size_t i = 0; i < atom->n && used + 2 < size; i++) {
                if (i > 0)
                        out[used++] = ' ';
                used += printable(question->tokens[atom->first + i].said, out + used, size - used);
        }
}

/* Lists the words that nothing is known of, and what is spelled like them. */
static bool add_unknown(const struct question *question, const struct misreading *why,
                        struct details *details)
{
        details->words = json_array();
        details->nearest = json_array();
        for (size_t i = 0; i < why->n_words; i++) {
                const char *word = question->tokens[why->words[i]].said;
                _cleanup_json_ json_t *near = suggestions_for(question, why->words[i]);
                if (!near || !append(details->words, printable_json(word)))
                        return false;
                if (json_array_size(near) > 0 &&
                    !append(details->nearest, json_pack("{s:o, s:O}", "word", printable_json(word),
                                                        "suggestions", near)))
                        return false;
        }
        return true;
}

int abstain_not_understood(const struct question *question, const struct misreading *why,
                           struct planner_output *output, struct error *err)
{
        char message[3 * SHOWN_BYTES];
        char shown[SHOWN_BYTES];
        _cleanup_(details_done) struct details details = {0};
        if (why->refused >= 0)
                return fill_without(output, question, ABSTAIN_UNSUPPORTED,
                                    refusal_message((enum refusal)why->refused), err);
        if (!add_unknown(question, why, &details))
                return error_oom(err);
        if (why->n_words > 0) {
                (void)printable(question->tokens[why->words[0]].said, shown, sizeof(shown));
                (void)snprintf(message, sizeof(message),
                               "\"%s\" is no table, column or value here, nor a word that says "
                               "what to do",
                               shown);
        } else if (why->stuck) {
                show_atom(question, why->stuck, shown, sizeof(shown));
                (void)snprintf(message, sizeof(message),
                               "it is not clear what \"%s\" is to do in this question; say it in "
                               "other words",
                               shown);
        } else {
                (void)snprintf(message, sizeof(message),
                               "the words are known, but together they ask for nothing that a "
                               "query plan can say");
        }
        return fill(output, question, ABSTAIN_NOT_UNDERSTOOD, message, &details, err);
}

/* The choice between plans. */
static int add_choice(json_t *choices, const struct dataset *dataset, json_t *plan,
                      struct error *err)
{
        _cleanup_buf_ struct buf sentence = {0};
        buf_init(&sentence, READING_BYTES_MAX);
        int r = reading_write(plan, dataset, &sentence, err);
        if (r < 0)
                return r;
        json_t *choice = json_pack("{s:s, s:O}", "reading", buf_text(&sentence), "plan", plan);
        return append(choices, choice) ? 0 : error_oom(err);
}

int abstain_ambiguous(const struct planner_input *input, const struct question *question,
                      const struct candidates *candidates, size_t n, struct planner_output *output,
                      struct error *err)
{
        _cleanup_(details_done) struct details details = {.choices = json_array()};
        if (!details.choices)
                return error_oom(err);
        for (size_t i = 0; i < n && i < CHOICES_MAX; i++) {
                int r = add_choice(details.choices, input->dataset, candidates->items[i].built.plan,
                                   err);
                if (r < 0)
                        return r;
        }
        return fill(output, question, ABSTAIN_AMBIGUOUS,
                    "the question can be read in more than one way; say which is meant", &details,
                    err);
}

int abstain_fragment(const struct question *question, struct planner_output *output,
                     struct error *err)
{
        return fill_without(output, question, ABSTAIN_NOT_A_QUESTION,
                            "that would change a question before it, and there is none; ask the "
                            "whole question, or name the run that it follows (--after RUN)",
                            err);
}

int abstain_no_question(const struct question *question, struct planner_output *output,
                        struct error *err)
{
        return fill_without(output, question, ABSTAIN_NOT_A_QUESTION,
                            question->n_tokens == 0
                                    ? "there is no question"
                                    : "the question is too long; 100 words are possible",
                            err);
}
