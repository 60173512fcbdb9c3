#include "planner/abstain.h"

#include "planner/reading.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHOICES_MAX 4
#define NEAREST_MAX 3
#define NEAREST_BYTES_MAX 64 /* of a word that others are compared with */
#define READING_BYTES_MAX (64 * 1024)

void misreading_add(struct misreading *why, const struct path *path, const struct misread *misread)
{
        if (misread->refused >= 0 && why->refused < 0 && !why->has_path)
                why->refused = misread->refused;
        if (why->has_path)
                return;
        why->has_path = true;
        why->stuck = misread->stuck;
        for (size_t i = 0; i < path->n && why->n_words < WORDS_UNKNOWN_MAX; i++)
                if (path->atoms[i]->kind == ATOM_UNKNOWN)
                        why->words[why->n_words++] = path->atoms[i]->first;
}

/* Edits that turn one text into the other: inserted, removed or changed bytes, or two swapped; more
 * than most is as good as most + 1. */
static size_t edits(const char *a, const char *b, size_t most)
{
        size_t n = strlen(a);
        size_t m = strlen(b);
        size_t rows[3][NEAREST_BYTES_MAX + 1];
        size_t *before = rows[0];
        size_t *last = rows[1];
        size_t *now = rows[2];
        if (n > NEAREST_BYTES_MAX || m > NEAREST_BYTES_MAX || (n > m ? n - m : m - n) > most)
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

struct suggestion {
        char text[300];
        size_t edits;
};

struct suggestions {
        struct suggestion items[NEAREST_MAX];
        size_t n;
};

static void suggest(struct suggestions *suggestions, size_t distance, const char *text)
{
        size_t i = suggestions->n;
        for (size_t k = 0; k < suggestions->n; k++)
                if (strcmp(suggestions->items[k].text, text) == 0)
                        return;
        if (i == NEAREST_MAX) {
                if (suggestions->items[i - 1].edits <= distance)
                        return;
                i--;
        } else {
                suggestions->n++;
        }
        while (i > 0 && suggestions->items[i - 1].edits > distance) {
                suggestions->items[i] = suggestions->items[i - 1];
                i--;
        }
        suggestions->items[i].edits = distance;
        (void)snprintf(suggestions->items[i].text, sizeof(suggestions->items[i].text), "%s", text);
}

static size_t tolerance(const char *word)
{
        size_t n = strlen(word);
        return n <= 5 ? 1 : n <= 8 ? 2 : 3;
}

static void suggest_columns(const struct concepts *concepts, const char *word,
                            struct suggestions *suggestions)
{
        for (size_t p = 0; p < concepts->n_phrases; p++) {
                const struct phrase *phrase = &concepts->phrases[p];
                if (phrase->n_stems != 1)
                        continue;
                size_t distance = edits(word, phrase->stems[0], tolerance(word));
                if (distance > tolerance(word))
                        continue;
                char text[300];
                const struct dataset *dataset = concepts->dataset;
                if (phrase->kind == PHRASE_MEASURE)
                        (void)snprintf(text, sizeof(text), "%.200s",
                                       dataset->measures[phrase->index].name);
                else if (phrase->kind == PHRASE_SEGMENT)
                        (void)snprintf(text, sizeof(text), "%.200s",
                                       dataset->segments[phrase->index].name);
                else if (phrase->kind == PHRASE_TABLE)
                        (void)snprintf(text, sizeof(text), "table %.200s",
                                       dataset->tables[phrase->index].name);
                else
                        continue;
                suggest(suggestions, distance, text);
        }
        for (size_t t = 0; t < concepts->dataset->n_tables; t++) {
                const struct table *table = &concepts->dataset->tables[t];
                for (size_t c = 0; c < table->n_columns; c++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        for (size_t w = 0; w < facts->n_words - facts->n_unit; w++) {
                                size_t distance = edits(word, facts->words[w], tolerance(word));
                                char text[300];
                                if (distance > tolerance(word))
                                        continue;
                                (void)snprintf(text, sizeof(text), "column %.250s",
                                               table->columns[c].name);
                                suggest(suggestions, distance, text);
                        }
                }
        }
}

/* Which letters a text has, a bit each. */
static uint32_t letters_of(const char *text)
{
        uint32_t letters = 0;
        for (; *text; text++) {
                char c = (char)(*text | 0x20);
                if (c >= 'a' && c <= 'z')
                        letters |= 1u << (c - 'a');
        }
        return letters;
}

static void suggest_values(const struct concepts *concepts, const char *word,
                           struct suggestions *suggestions)
{
        uint32_t letters = letters_of(word);
        size_t length = strlen(word);
        size_t most = tolerance(word);
        for (size_t t = 0; concepts->values && t < concepts->dataset->n_tables; t++) {
                const struct table *table = &concepts->dataset->tables[t];
                for (size_t c = 0; c < table->n_columns; c++) {
                        const struct column_values *values =
                                &concepts->values->tables[t].columns[c];
                        for (size_t v = 0; v < values->n_values; v++) {
                                char folded[NEAREST_BYTES_MAX + 8];
                                char text[300];
                                size_t n = strlen(values->values[v]);
                                uint32_t other = letters_of(values->values[v]) ^ letters;
                                if (n + most < length || n > length + most ||
                                    (size_t)__builtin_popcount(other) > 2 * most)
                                        continue;
                                (void)fold_text(values->values[v], folded, sizeof(folded));
                                size_t distance = edits(word, folded, tolerance(word));
                                if (distance > tolerance(word))
                                        continue;
                                (void)snprintf(text, sizeof(text), "%.100s = %.180s",
                                               table->columns[c].name, values->values[v]);
                                suggest(suggestions, distance, text);
                        }
                }
        }
}

static json_t *nearest_of(const struct question *question, size_t token)
{
        struct suggestions suggestions = {.n = 0};
        const struct token *word = &question->tokens[token];
        if (word->kind == TOKEN_WORD && strlen(word->text) >= 3) {
                suggest_columns(question->concepts, word->stem, &suggestions);
                suggest_values(question->concepts, word->text, &suggestions);
                const char *meant = grammar_nearest(word->text, tolerance(word->text) - 1, edits);
                if (meant)
                        suggest(&suggestions, 0, meant);
        }
        json_t *list = json_array();
        for (size_t i = 0; i < suggestions.n; i++)
                (void)json_array_append_new(list, json_string(suggestions.items[i].text));
        return list;
}

static json_t *text_json(const char *text)
{
        json_t *json = json_string(text);
        return json ? json : json_string("?"); /* not UTF-8 */
}

/* Questions that this dataset can be asked: the owner's prompts, else some made of its columns. */

static void add_question(json_t *list, const char *format, const char *a, const char *b)
{
        char text[600];
        if (json_array_size(list) >= 3)
                return;
        (void)snprintf(text, sizeof(text), format, a, b);
        (void)json_array_append_new(list, text_json(text));
}

static void add_made_questions(const struct concepts *concepts, json_t *list)
{
        const struct table_facts *table = &concepts->tables[0];
        const char *number = NULL;
        const char *dimension = NULL;
        const char *value = NULL;
        const char *valued = NULL;
        for (size_t c = 0; c < table->table->n_columns; c++) {
                const struct column_facts *facts = &table->columns[c];
                const char *name = facts->column->name;
                bool few = facts->n_distinct > 1 && facts->n_distinct <= 30;
                if (!number && facts->is_number && !facts->is_id && !facts->is_year &&
                    !facts->is_flag)
                        number = name;
                if (!dimension && facts->column->kind == COLUMN_TEXT && few)
                        dimension = name;
                if (!value && few && facts->values && facts->values->n_values > 1) {
                        value = facts->values->values[0];
                        valued = name;
                }
        }
        char rows[150] = "rows";
        if (concepts->dataset->n_tables > 1)
                (void)snprintf(rows, sizeof(rows), "rows of %.120s", table->table->name);
        if (dimension)
                add_question(list, "How many %s are there by %.200s?", rows, dimension);
        if (number && dimension)
                add_question(list, "Average %.200s by %.200s", number, dimension);
        if (value && valued)
                add_question(list, "How many rows have %.200s %.200s?", valued, value);
        add_question(list, "How many %s are there?%s", rows, "");
        if (number)
                add_question(list, "What is the highest %.200s?%s", number, "");
        add_question(list, "List the first 10 %s%s", rows, "");
}

static json_t *questions_of(const struct question *question)
{
        const struct dataset *dataset = question->concepts->dataset;
        json_t *list = json_array();
        for (size_t i = 0; i < dataset->n_prompts && json_array_size(list) < 3; i++)
                (void)json_array_append_new(list, text_json(dataset->prompts[i].text));
        if (json_array_size(list) < 3)
                add_made_questions(question->concepts, list);
        return list;
}

static int fill(struct planner_output *output, const struct question *question,
                enum abstention_reason reason, const char *message, json_t *words, json_t *nearest,
                json_t *choices, struct error *err)
{
        output->outcome = PLANNER_ABSTAINED;
        json_t *text = text_json(message);
        output->abstention = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "reason",
                                       abstention_reason_word(reason), "message", text, "words",
                                       words, "nearest", nearest, "choices", choices, "questions",
                                       questions_of(question));
        return output->abstention ? 0 : error_oom(err);
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

static const char *said(const struct question *question, const struct atom *atom, char *out,
                        size_t size)
{
        size_t used = 0;
        for (size_t i = 0; i < atom->n && used < size; i++)
                used += (size_t)snprintf(out + used, size - used, "%s%s", i ? " " : "",
                                         question->tokens[atom->first + i].said);
        return out;
}

int abstain_not_understood(const struct planner_input *input, const struct question *question,
                           const struct misreading *why, struct planner_output *output,
                           struct error *err)
{
        char message[800];
        char stuck[300];
        json_t *words = json_array();
        json_t *nearest = json_array();
        (void)input;
        if (why->refused >= 0)
                return fill(output, question, ABSTAIN_UNSUPPORTED,
                            refusal_message((enum refusal)why->refused), words, nearest,
                            json_array(), err);
        for (size_t i = 0; i < why->n_words; i++) {
                const char *word = question->tokens[why->words[i]].said;
                json_t *near = nearest_of(question, why->words[i]);
                (void)json_array_append_new(words, text_json(word));
                if (json_array_size(near) > 0)
                        (void)json_array_append_new(
                                nearest, json_pack("{s:o, s:o}", "word", text_json(word),
                                                   "suggestions", near));
                else
                        json_decref(near);
        }
        if (why->n_words > 0) {
                (void)snprintf(message, sizeof(message),
                               "\"%.100s\" is no table, column or value here, nor a word that "
                               "says what to do",
                               question->tokens[why->words[0]].said);
        } else if (why->stuck) {
                (void)snprintf(message, sizeof(message),
                               "it is not clear what \"%.200s\" is to do in this question; say it "
                               "in other words",
                               said(question, why->stuck, stuck, sizeof(stuck)));
        } else {
                (void)snprintf(message, sizeof(message),
                               "the words are known, but together they ask for nothing that a "
                               "query plan can say");
        }
        return fill(output, question, ABSTAIN_NOT_UNDERSTOOD, message, words, nearest,
                    json_array(), err);
}

int abstain_ambiguous(const struct planner_input *input, const struct question *question,
                      const struct candidates *candidates, size_t n,
                      struct planner_output *output, struct error *err)
{
        json_t *choices = json_array();
        for (size_t i = 0; i < n && i < CHOICES_MAX; i++) {
                _cleanup_buf_ struct buf sentence = {0};
                buf_init(&sentence, READING_BYTES_MAX);
                int r = reading_write(candidates->items[i].built.plan, input->dataset, &sentence,
                                      err);
                if (r < 0 || json_array_append_new(
                                     choices, json_pack("{s:s, s:O}", "reading",
                                                        buf_text(&sentence), "plan",
                                                        candidates->items[i].built.plan)) < 0) {
                        json_decref(choices);
                        return r < 0 ? r : error_oom(err);
                }
        }
        return fill(output, question, ABSTAIN_AMBIGUOUS,
                    "the question can be read in more than one way; say which is meant",
                    json_array(), json_array(), choices, err);
}

int abstain_fragment(const struct planner_input *input, const struct question *question,
                     struct planner_output *output, struct error *err)
{
        (void)input;
        return fill(output, question, ABSTAIN_NOT_A_QUESTION,
                    "that would change a question before it, and there is none; ask the whole "
                    "question, or name the run that it follows (--after RUN)",
                    json_array(), json_array(), json_array(), err);
}

int abstain_no_question(const struct planner_input *input, const struct question *question,
                        struct planner_output *output, struct error *err)
{
        (void)input;
        const char *message = question->n_tokens == 0
                                      ? "there is no question"
                                      : "the question is too long; 100 words are possible";
        return fill(output, question, ABSTAIN_NOT_A_QUESTION, message, json_array(), json_array(),
                    json_array(), err);
}
