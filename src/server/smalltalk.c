#include "server/smalltalk.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define TEXT_MAX 65536
#define MESSAGE_MAX 120 /* whoever says more than that asks something */

/* Small letters, one blank between words, no signs. */
static void fold(const char *message, char *out, size_t size)
{
        size_t n = 0;
        for (; *message && n + 2 < size; message++) {
                unsigned char c = (unsigned char)*message;
                if (isalnum(c) || c >= 0x80 || c == '_')
                        out[n++] = (char)tolower(c);
                else if (c != '\'' && n > 0 && out[n - 1] != ' ')
                        out[n++] = ' ';
        }
        while (n > 0 && out[n - 1] == ' ')
                n--;
        out[n] = '\0';
}

static bool is_among(const char *text, const char *const *list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(text, list[i]) == 0)
                        return true;
        return false;
}

static bool is_thanks(const char *text)
{
        static const char *const all[] = {
                "thanks", "thank you", "thanks a lot", "thank you very much", "ok", "okay",
                "bye",    "great",     "good"};
        return is_among(text, all, ARRAY_SIZE(all));
}

static bool is_greeting(const char *text)
{
        static const char *const all[] = {"hi",
                                          "hello",
                                          "hey",
                                          "hi there",
                                          "hello there",
                                          "good morning",
                                          "good evening",
                                          "good afternoon",
                                          "help",
                                          "who are you",
                                          "what can you do",
                                          "what can i ask",
                                          "what can i ask you",
                                          "how does this work"};
        return is_among(text, all, ARRAY_SIZE(all));
}

static bool is_about_schema(const char *text)
{
        static const char *const all[] = {"what tables are there",
                                          "which tables are there",
                                          "what tables do you have",
                                          "what tables exist",
                                          "list the tables",
                                          "show the tables",
                                          "show tables",
                                          "list tables",
                                          "what columns are there",
                                          "which columns are there",
                                          "what columns does it have",
                                          "list the columns",
                                          "show the columns",
                                          "show columns",
                                          "list columns",
                                          "what is in this dataset",
                                          "whats in this dataset",
                                          "what is in the data",
                                          "what data is there",
                                          "what data do you have",
                                          "describe the dataset",
                                          "describe this dataset",
                                          "describe the data",
                                          "describe the tables",
                                          "what does this dataset contain",
                                          "what does the dataset contain",
                                          "show me the schema",
                                          "show the schema",
                                          "what is the schema",
                                          "schema"};
        return is_among(text, all, ARRAY_SIZE(all));
}

static void put_schema(const struct dataset *dataset, struct buf *out)
{
        for (size_t t = 0; t < dataset->n_tables; t++) {
                const struct table *table = &dataset->tables[t];
                buf_printf(out, "%s%s", t ? "\n" : "", table->name);
                if (table->description)
                        buf_printf(out, " (%s)", table->description);
                buf_puts(out, ":");
                for (size_t c = 0; c < table->n_columns; c++)
                        buf_printf(out, "%s %s %s", c ? "," : "", table->columns[c].name,
                                   table->columns[c].type);
        }
}

static void put_greeting(const struct dataset *dataset, struct buf *out)
{
        buf_printf(out, "Ask about %s in plain words, or write \"SQL: SELECT ...\".",
                   dataset->name ? dataset->name : dataset->id);
        for (size_t i = 0; i < dataset->n_prompts && i < 3; i++)
                buf_printf(out, "%s%s", i ? "\n" : " For example:\n", dataset->prompts[i].text);
}

char *smalltalk_answer(const struct dataset *dataset, const char *message)
{
        char folded[MESSAGE_MAX + 2];
        _cleanup_buf_ struct buf out = {0};
        if (strlen(message) > MESSAGE_MAX)
                return NULL;
        fold(message, folded, sizeof(folded));
        buf_init(&out, TEXT_MAX);
        if (is_about_schema(folded))
                put_schema(dataset, &out);
        else if (is_thanks(folded))
                buf_puts(&out, "Glad to. Ask on whenever you like.");
        else if (is_greeting(folded))
                put_greeting(dataset, &out);
        else
                return NULL;
        return buf_steal(&out);
}
