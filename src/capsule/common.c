#include "capsule/common.h"

#include "base/json.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PREFIX_MIN 8
#define FAILED_MESSAGE "the command or server that started this run ended before it finished"

int common_check_prefix(const char *run_id, char out[UUID_TEXT_SIZE], struct error *err)
{
        size_t n = strlen(run_id);
        if (n < PREFIX_MIN || n >= UUID_TEXT_SIZE || strspn(run_id, "0123456789abcdefABCDEF-") != n)
                return error_set(err, ERROR_RUN_NOT_FOUND,
                                 "\"%.64s\" is not a run's id; give the id, its first %d or more "
                                 "characters, or \"last\"",
                                 run_id, PREFIX_MIN);
        for (size_t i = 0; i <= n; i++)
                out[i] = (char)tolower((unsigned char)run_id[i]);
        return 0;
}

/* Whether the run of that id, which says when it was made, is as old as those that were removed. */
static bool may_be_removed(const char *run_id, const char *until)
{
        char made[CLOCK_TEXT_SIZE];
        unsigned int high;
        unsigned int low;
        if (!*until || !uuid_is_valid(run_id) || run_id[14] != '7' ||
            sscanf(run_id, "%8x-%4x", &high, &low) != 2)
                return false;
        clock_format_ms((int64_t)high << 16 | low, made);
        return strcmp(made, until) <= 0;
}

int common_none_found(const char *run_id, const struct capsule *newest, struct error *err)
{
        const json_t *removed = newest ? json_object_get(newest->body, "removed") : NULL;
        const char *until = json_get_string(removed, "created_at");
        if (!until)
                until = "";
        if (strcmp(run_id, "last") == 0)
                return error_set(err, ERROR_RUN_NOT_FOUND,
                                 "there is no run %s; \"askcsv ask\" or \"askcsv run\" makes one",
                                 *until ? "any more (retention removed them)" : "yet");
        if (may_be_removed(run_id, until))
                return error_set(err, ERROR_RUN_NOT_FOUND,
                                 "there is no run %s; if there was one, it was removed by "
                                 "retention, as were others up to that of %s",
                                 run_id, until);
        return error_set(err, ERROR_RUN_NOT_FOUND,
                         "there is no run %s; \"askcsv capsules list\" shows those that there are",
                         run_id);
}

int common_many_found(const char *run_id, int64_t n, struct error *err)
{
        return error_set(err, ERROR_RUN_NOT_FOUND, "%lld runs begin with %s; give more of the id",
                         (long long)n, run_id);
}

int common_repeated(struct error *err)
{
        return error_set(err, ERROR_REQUEST_REPEATED,
                         "a request with the same Idempotency-Key came at the same moment; send "
                         "this one again to have its answer");
}

int common_abandon(struct capsule *capsule, struct error *err)
{
        if (run_state_is_final(capsule->state)) /* it had ended; only the seal is missing */
                return 0;
        int r = capsule_set(capsule, "error",
                            json_pack("{s:s,s:s}", "type", error_type_name(ERROR_RUNNER_INTERNAL),
                                      "message", FAILED_MESSAGE),
                            err);
        return r < 0 ? r : run_move(capsule, RUN_FAILED, err);
}
