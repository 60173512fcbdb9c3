#include "grounding/grounding.h"

#include "base/cleanup.h"
#include "base/utf8.h"
#include "grounding/match.h"

#include <string.h>

#define MEMORY_MAX ((size_t)512 * 1024 * 1024)
#define SMALL_MOST 20 /* of a cardinal in words */

/* One check. */
struct check {
        struct arena *arena;
        struct facts facts;
        struct tokens tokens;
        struct mentions mentions;
        struct context context;
        json_t *numbers;
        json_t *unsupported;
        json_int_t found;
        size_t at;        /* bytes of the text that were counted */
        json_int_t point; /* and their code points */
};

static void check_done(struct check *check)
{
        facts_done(&check->facts);
        arena_free(check->arena);
        json_decref(check->numbers);
        json_decref(check->unsupported);
}

/* Moves on to a byte further on; its code point's number. */
static json_int_t point_of(struct check *check, size_t byte)
{
        while (check->at < byte) {
                uint32_t c;
                check->at += utf8_decode(check->tokens.text + check->at,
                                         check->tokens.n_bytes - check->at, &c);
                check->point++;
        }
        return check->point;
}

/* The number as it was written; cut, between code points, when it is very long. */
static json_t *said_of(const struct check *check, const struct mention *mention)
{
        size_t end = mention->start;
        while (end < mention->end) {
                uint32_t c;
                size_t n = utf8_decode(check->tokens.text + end, mention->end - end, &c);
                if (end + n - mention->start > GROUNDING_SAID_MAX)
                        break;
                end += n;
        }
        return json_stringn(check->tokens.text + mention->start, end - mention->start);
}

static bool has_text(const json_t *array, const json_t *text)
{
        size_t i;
        json_t *value;
        json_array_foreach((json_t *)array, i, value)
        {
                if (json_equal(value, text))
                        return true;
        }
        return false;
}

static json_t *number_of(struct check *check, const struct mention *mention,
                         const struct match *match, json_t *said)
{
        const struct fact_table *table =
                match->has_table ? &check->facts.tables[match->place.table] : NULL;
        bool column = table && match->has_column && match->place.column < table->n_columns;
        json_int_t start = point_of(check, mention->start);
        json_int_t end = point_of(check, mention->end);
        json_t *row = match->has_row ? json_integer(match->place.row) : json_null();
        return json_pack(
                "{s:O,s:I,s:I,s:s?,s:s?,s:s?,s:o}", "text", said, "start", start, "end", end, "how",
                match->how, "run_id", table ? table->source->run_id : NULL, "column",
                column ? table->columns[match->place.column].name : (const char *)NULL, "row", row);
}

/* "three of them": what is a count of some rows is not looked into. */
static bool may_count_rows(const struct check *check, const struct mention *mention)
{
        bool may = false;
        if (!mention->spelled || mention->percent || mention->times || mention->value.exponent ||
            mention->value.units > SMALL_MOST)
                return false;
        for (size_t t = 0; t < check->facts.n_tables; t++)
                may |= mention->value.units <= (decimal_units)check->facts.tables[t].row_count;
        return may;
}

static int add_number(struct check *check, const struct mention *mention, struct error *err)
{
        struct match match;
        context_look(&check->context, mention);
        match_find(&check->context, mention, &match);
        if (!match.how && may_count_rows(check, mention))
                return 0;
        _cleanup_json_ json_t *said = said_of(check, mention);
        if (!said ||
            json_array_append_new(check->numbers, number_of(check, mention, &match, said)) < 0)
                return error_oom(err);
        check->found += match.how != NULL;
        if (!match.how && !has_text(check->unsupported, said) &&
            json_array_append(check->unsupported, said) < 0)
                return error_oom(err);
        return 0;
}

static int run_check(struct check *check, const struct grounding_input *input, struct error *err)
{
        check->arena = arena_new(MEMORY_MAX);
        check->numbers = json_array();
        check->unsupported = json_array();
        if (!check->arena || !check->numbers || !check->unsupported)
                return error_oom(err);
        int r = facts_make(input, check->arena, &check->facts, err);
        if (r == 0)
                r = tokens_make(input->text, input->n, check->arena, &check->tokens, err);
        if (r == 0)
                r = mentions_find(&check->tokens, GROUNDING_NUMBERS_MAX, check->arena,
                                  &check->mentions, err);
        if (r == 0)
                r = context_init(&check->facts, &check->tokens, &check->mentions, &check->context,
                                 err);
        for (size_t i = 0; r == 0 && i < check->mentions.n; i++)
                r = add_number(check, &check->mentions.items[i], err);
        return r;
}

static int check_input(const struct grounding_input *input, struct error *err)
{
        if (input->n > GROUNDING_TEXT_MAX)
                return error_set(err, ERROR_MODEL_ANSWER,
                                 "the answer has %zu bytes; numbers are checked in at most %zu",
                                 input->n, GROUNDING_TEXT_MAX);
        if (input->question && strlen(input->question) > GROUNDING_TEXT_MAX)
                return error_set(err, ERROR_MODEL_ANSWER,
                                 "the question has more than %zu bytes; ask a shorter one",
                                 GROUNDING_TEXT_MAX);
        if (input->n_sources > GROUNDING_SOURCES_MAX)
                return error_set(err, ERROR_INTERNAL,
                                 "numbers are checked against at most %d runs, not %zu",
                                 GROUNDING_SOURCES_MAX, input->n_sources);
        return 0;
}

int grounding_check(const struct grounding_input *input, json_t **ret, struct error *err)
{
        _cleanup_(check_done) struct check check = {0};
        int r = check_input(input, err);
        if (r == 0)
                r = run_check(&check, input, err);
        if (r < 0)
                return r;
        json_t *made = json_pack("{s:I,s:I,s:I,s:O,s:O}", "checked",
                                 (json_int_t)json_array_size(check.numbers), "found", check.found,
                                 "unchecked", (json_int_t)check.mentions.n_more, "unsupported",
                                 check.unsupported, "numbers", check.numbers);
        if (!made)
                return error_oom(err);
        *ret = made;
        return 0;
}
