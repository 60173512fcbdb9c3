/* planner_time DATASET.json VALUES.json ROUNDS: how long the built-in planner takes for each line
 * of standard input. DATASET is a dataset's entry in the registry, VALUES its value index
 * (dataset/values.h). Prints an array of {"question", "outcome", "us": [time of each round]}. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "planner/builtin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX ((size_t)32 * 1024 * 1024)
#define QUESTIONS_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define DEPTH_MAX 100
#define ROUNDS_MAX 100000

_Noreturn static void die(const struct error *err)
{
        (void)fprintf(stderr, "planner_time: %s %s\n", err->message, err->pointer);
        exit(1);
}

static json_t *read_json(const char *path)
{
        static const struct json_limits limits = {FILE_BYTES_MAX, DEPTH_MAX};
        _cleanup_buf_ struct buf text = {0};
        struct error err = {0};
        json_t *json = NULL;
        buf_init(&text, FILE_BYTES_MAX);
        if (fd_read_file(path, &text, &err) < 0 ||
            json_parse(text.data, text.len, &limits, ERROR_USAGE, &json, &err) < 0)
                die(&err);
        return json;
}

static const char *outcome_word(const struct planner_output *output)
{
        return output->outcome == PLANNER_PLAN ? "plan" : "abstained";
}

/* Appends the time of one more call; returns what came of it. What the planner gave is released
 * outside of the time. */
static const char *time_once(const struct planner_input *input, json_t *us)
{
        struct planner_output output = {0};
        struct error err = {0};
        int64_t start = clock_monotonic_us();
        int r = planner_builtin.plan(input, &output, &err);
        int64_t end = clock_monotonic_us();
        const char *word = r < 0 ? "refused" : outcome_word(&output);
        planner_output_done(&output);
        json_array_append_new(us, json_integer(end - start));
        return word;
}

static json_t *time_question(struct planner_input *input, const char *text, size_t n, long rounds)
{
        json_t *us = json_array();
        const char *word = "";
        input->question = text;
        input->question_bytes = n;
        for (long i = 0; i < rounds; i++)
                word = time_once(input, us);
        return json_pack("{s:s%, s:s, s:o}", "question", text, n, "outcome", word, "us", us);
}

/* One question a line. */
static json_t *time_all(struct planner_input *input, char *lines, long rounds)
{
        json_t *results = json_array();
        char *rest = NULL;
        for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                json_array_append_new(results, time_question(input, line, strlen(line), rounds));
        return results;
}

static void open_dataset(const char *path, const char *values_path, struct planner_input *input,
                         struct dataset **dataset, struct value_index **values)
{
        struct error err = {0};
        json_t *entry = read_json(path);
        json_t *index = read_json(values_path);
        if (dataset_from_json(entry, dataset, &err) < 0 ||
            value_index_from_json(index, *dataset, values, &err) < 0)
                die(&err);
        json_decref(entry);
        json_decref(index);
        input->dataset = *dataset;
        input->values = *values;
        if (!(*dataset)->as_of || !clock_parse((*dataset)->as_of, &input->as_of_s)) {
                (void)error_set(&err, ERROR_USAGE, "the dataset needs an as_of");
                die(&err);
        }
}

int main(int argc, char **argv)
{
        struct planner_input input = {0};
        struct dataset *dataset = NULL;
        struct value_index *values = NULL;
        struct error err = {0};
        _cleanup_buf_ struct buf lines = {0};
        long rounds = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
        if (rounds < 1 || rounds > ROUNDS_MAX) {
                (void)fprintf(stderr, "usage: planner_time DATASET.json VALUES.json ROUNDS\n");
                return 2;
        }
        open_dataset(argv[1], argv[2], &input, &dataset, &values);
        buf_init(&lines, QUESTIONS_BYTES_MAX);
        if (fd_read_all(STDIN_FILENO, &lines, "the questions", &err) < 0)
                die(&err);
        json_t *results = time_all(&input, lines.data, rounds);
        int r = json_dumpf(results, stdout, JSON_COMPACT);
        (void)putchar('\n');
        json_decref(results);
        value_index_free(values);
        dataset_free(dataset);
        return r < 0 ? 1 : 0;
}
