/* A process for every run: it is started, given its standard input, read to the end of its
 * standard output, and waited for. The setup:
 *   {"jobs":[{"argv":[WORD...],"stdin":TEXT?}], "hashed":BOOL}
 * Hashed outputs hold a "result_hash", which must be the first one's each time. */
#include "clients.h"
#include "expected.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define WORDS_MAX 64

struct command {
        char *argv[WORDS_MAX + 1]; /* the setup's */
        int input;                 /* holds the standard input */
};

struct commands {
        struct command *items;
        size_t n;
        bool hashed;
        struct expected expected;
};

static int set_up_command(const json_t *job, struct command *command, struct error *err)
{
        const json_t *words = json_object_get(job, "argv");
        const char *input = json_get_string(job, "stdin");
        size_t i;
        json_t *word;
        if (json_array_size(words) == 0 || json_array_size(words) > WORDS_MAX)
                return error_set(err, ERROR_USAGE, "a command has 1 to %d words", WORDS_MAX);
        json_array_foreach(words, i, word)
        {
                command->argv[i] = (char *)json_string_value(word);
        }
        command->input = memfd_create("input", MFD_CLOEXEC);
        if (command->input < 0)
                return error_errno(err, errno, "making a command's input");
        return input ? fd_write_all(command->input, input, strlen(input), err) : 0;
}

static void commands_close(void *data)
{
        struct commands *way = data;
        for (size_t i = 0; i < way->n; i++)
                cleanup_close(&way->items[i].input);
        free(way->items);
        (void)pthread_mutex_destroy(&way->expected.lock);
        free(way);
}

static int commands_open(const json_t *setup, void **ret, json_t *said, struct error *err)
{
        (void)said;
        const json_t *jobs = json_object_get(setup, "jobs");
        struct commands *way = alloc_calloc(1, sizeof(*way));
        if (!way)
                return error_oom(err);
        (void)pthread_mutex_init(&way->expected.lock, NULL);
        way->hashed = json_get_bool(setup, "hashed", false);
        way->items = alloc_calloc(json_array_size(jobs) + 1, sizeof(*way->items));
        int r = way->items ? 0 : error_oom(err);
        size_t i;
        json_t *job;
        json_array_foreach(jobs, i, job)
        {
                if (r < 0)
                        break;
                way->n++;
                r = set_up_command(job, &way->items[i], err);
        }
        if (r < 0)
                commands_close(way);
        else
                *ret = way;
        return r;
}

static int commands_join(void *way, void **ret_client, struct error *err)
{
        (void)err;
        *ret_client = way; /* a client has nothing of its own */
        return 0;
}

static void commands_leave(void *way, void *client)
{
        (void)way;
        (void)client;
}

static int start(const struct command *command, int input, int output, pid_t *ret,
                 struct error *err)
{
        posix_spawn_file_actions_t actions;
        int errnum = posix_spawn_file_actions_init(&actions);
        if (errnum == 0) {
                errnum = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
                if (errnum == 0)
                        errnum = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
                if (errnum == 0)
                        errnum = posix_spawnp(ret, command->argv[0], &actions, NULL, command->argv,
                                              environ);
                (void)posix_spawn_file_actions_destroy(&actions);
        }
        return errnum ? error_errno(err, errnum, "starting %s", command->argv[0]) : 0;
}

/* What an answer that is no result says of it, or "". */
static const char *reason_in(const struct buf *output)
{
        const char *why = strstr(buf_text(output), "\"error\":{");
        return why ? why : "";
}

static int end_of(pid_t pid, const char *name, const struct buf *output, struct error *err)
{
        int status;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return error_errno(err, errno, "waiting for %s", name);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        return error_set(err, ERROR_RUNNER_INTERNAL, "%s ended with %s %d %.150s", name,
                         WIFEXITED(status) ? "exit status" : "signal",
                         WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
                         reason_in(output));
}

/* One command from start to end; output is what it printed. */
static int run(const struct command *command, struct buf *output, struct error *err)
{
        char path[64];
        int ends[2];
        pid_t pid;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", command->input);
        /* Opened anew, so that it is read from its start. */
        _cleanup_close_ int input = open(path, O_RDONLY | O_CLOEXEC);
        if (input < 0 || pipe2(ends, O_CLOEXEC) < 0)
                return error_errno(err, errno, "making the pipes of a command");
        _cleanup_close_ int from = ends[0];
        int r = start(command, input, ends[1], &pid, err);
        (void)close(ends[1]);
        if (r < 0)
                return r;
        int r_read = fd_read_all(from, output, "the output of a command", err);
        r = end_of(pid, command->argv[0], output, err);
        return r < 0 ? r : r_read;
}

static int find_hash(const struct buf *output, char hash[HASH_HEX_SIZE])
{
        static const char member[] = "\"result_hash\":\"";
        const char *at = strstr(buf_text(output), member);
        *hash = '\0';
        if (at)
                (void)snprintf(hash, HASH_HEX_SIZE, "%s", at + sizeof(member) - 1);
        return at ? 0 : -1;
}

static int commands_run(void *data, void *client, size_t job, int64_t *inner_us, struct error *err)
{
        (void)client;
        (void)inner_us;
        struct commands *way = data;
        char hash[HASH_HEX_SIZE];
        _cleanup_buf_ struct buf output = {0};
        buf_init(&output, CLIENTS_ANSWER_MAX);
        int r = run(&way->items[job], &output, err);
        if (r < 0 || !way->hashed)
                return r;
        if (find_hash(&output, hash) < 0)
                return error_set(err, ERROR_RUNNER_INTERNAL, "no result: %.150s",
                                 reason_in(&output));
        return expected_check(&way->expected, job, hash, err);
}

static int commands_show(void *data, void *client, size_t job, struct buf *out, struct error *err)
{
        (void)client;
        struct commands *way = data;
        _cleanup_buf_ struct buf output = {0};
        buf_init(&output, CLIENTS_ANSWER_MAX / 2);
        int r = run(&way->items[job], &output, err);
        if (r < 0)
                return r;
        buf_puts(out, "{\"text\":");
        json_put_string(out, buf_text(&output), output.len);
        buf_putc(out, '}');
        return 0;
}

int main(void)
{
        static const struct way way = {
                .open = commands_open,
                .close = commands_close,
                .join = commands_join,
                .leave = commands_leave,
                .run = commands_run,
                .show = commands_show,
        };
        return clients_main(&way);
}
