/* What a plan, its SQL and the question name: numbers, dates and names that need no cell. */
#include "grounding/facts.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define PLAN_DEPTH_MAX 64
#define QUESTION_NUMBERS_MAX 200

/* A text of the query: a date, and with the exclusive end of a time span the last day in it; or
 * words. */
static int add_string(struct facts *facts, const char *text, size_t n,
                      const struct fact_place *place, struct error *err)
{
        struct date date;
        struct date before;
        struct decimal number;
        size_t taken = date_read(text, n, &date);
        if (taken > 0) {
                int r = facts_add_date(facts, &date, place, err);
                if (r == 0 && date_before(&date, &before))
                        r = facts_add_date(facts, &before, place, err);
                return r;
        }
        if (decimal_parse(text, n, &number))
                return facts_add_literal(facts, &number, place, err);
        return facts_add_text(facts, text, n, place, err);
}

static int walk_plan(struct facts *facts, const json_t *json, const struct fact_place *place,
                     int depth, struct error *err)
{
        struct decimal number;
        const char *key;
        json_t *value;
        size_t i;
        int r = 0;
        if (json_is_string(json))
                return add_string(facts, json_string_value(json), json_string_length(json), place,
                                  err);
        if (decimal_from_json(json, &number))
                return facts_add_literal(facts, &number, place, err);
        if (depth >= PLAN_DEPTH_MAX)
                return 0;
        json_array_foreach((json_t *)json, i, value)
        {
                if (r == 0)
                        r = walk_plan(facts, value, place, depth + 1, err);
        }
        /* How many digits a rounding keeps is no number that a text would give; notes are the
         * planner's words, and so no proof. */
        json_object_foreach((json_t *)json, key, value)
        {
                if (r == 0 && strcmp(key, "digits") != 0 && strcmp(key, "notes") != 0)
                        r = walk_plan(facts, value, place, depth + 1, err);
        }
        return r;
}

/* The end of what is quoted at i; the quotes may be doubled. */
static size_t quoted_end(const char *sql, size_t n, size_t i)
{
        char quote = sql[i++];
        while (i < n && (sql[i] != quote || (i + 1 < n && sql[i + 1] == quote)))
                i += sql[i] == quote ? 2 : 1;
        return i < n ? i : n;
}

static bool behind_type(const char *sql, size_t i)
{
        return (i >= 8 && strncasecmp(sql + i - 8, "DECIMAL(", 8) == 0) ||
               (i >= 8 && strncasecmp(sql + i - 8, "NUMERIC(", 8) == 0);
}

/* A number at i; the precision of a type is passed over. Returns where to go on. */
static size_t read_number(struct facts *facts, const char *sql, size_t n, size_t i, bool numbers,
                          const struct fact_place *place, int *r, struct error *err)
{
        struct decimal number;
        size_t end = i;
        if (behind_type(sql, i))
                return i + strcspn(sql + i, ")");
        while (end < n && (isalnum((unsigned char)sql[end]) || sql[end] == '.' || sql[end] == '_'))
                end++;
        if (numbers && decimal_parse(sql + i, end - i, &number))
                *r = facts_add_literal(facts, &number, place, err);
        return end;
}

/* Strings of the SQL, and with `numbers` its numbers too. Names are quoted or not; in both, digits
 * belong to them. */
static int scan_sql(struct facts *facts, const char *sql, bool numbers,
                    const struct fact_place *place, struct error *err)
{
        size_t n = strlen(sql);
        int r = 0;
        for (size_t i = 0; r == 0 && i < n;) {
                unsigned char c = (unsigned char)sql[i];
                if (c == '\'' || c == '"') {
                        size_t end = quoted_end(sql, n, i);
                        r = add_string(facts, sql + i + 1, end > i + 1 ? end - i - 1 : 0, place,
                                       err);
                        i = end + 1;
                } else if (isdigit(c)) {
                        i = read_number(facts, sql, n, i, numbers, place, &r, err);
                } else if (isalpha(c) || c == '_' || c >= 0x80) {
                        while (i < n && (isalnum((unsigned char)sql[i]) || sql[i] == '_' ||
                                         (unsigned char)sql[i] >= 0x80))
                                i++;
                } else {
                        i++;
                }
        }
        return r;
}

int facts_add_query(struct facts *facts, uint32_t table, struct error *err)
{
        const struct grounding_source *source = facts->tables[table].source;
        const struct fact_place place = {.origin = FACT_QUERY, .table = table};
        bool planned = json_is_object(source->plan);
        int r = planned ? walk_plan(facts, source->plan, &place, 0, err) : 0;
        return r < 0 || !source->sql ? r : scan_sql(facts, source->sql, !planned, &place, err);
}

static int add_mention(struct facts *facts, const struct tokens *tokens,
                       const struct mention *mention, const struct fact_place *place,
                       struct error *err)
{
        uint64_t chain = 0;
        int r = 0;
        if (mention->kind == MENTION_DATE)
                r = facts_add_date(facts, &mention->date, place, err);
        if (r == 0 && mention->kind == MENTION_DATE)
                r = facts_add_date(facts, &mention->date_other, place, err);
        if (r == 0 && mention->readable)
                r = facts_add_literal(facts, &mention->value, place, err);
        if (r == 0 && mention->has_other)
                r = facts_add_literal(facts, &mention->other, place, err);
        for (size_t i = mention->first; i <= mention->last; i++)
                chain = token_chain(chain, &tokens->items[i]);
        if (r == 0 && mention->kind == MENTION_NAME)
                r = facts_add_gram(facts, chain, place, err);
        return r;
}

int facts_add_question(struct facts *facts, const char *question, struct error *err)
{
        const struct fact_place place = {.origin = FACT_QUESTION};
        struct tokens tokens;
        struct mentions mentions;
        int r = tokens_make(question, strlen(question), facts->arena, &tokens, err);
        if (r == 0)
                r = mentions_find(&tokens, QUESTION_NUMBERS_MAX, facts->arena, &mentions, err);
        for (size_t i = 0; r == 0 && i < mentions.n; i++)
                r = add_mention(facts, &tokens, &mentions.items[i], &place, err);
        return r;
}
