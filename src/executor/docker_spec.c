#include "executor/docker_spec.h"

#include "executor/away.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIDS_SLACK 32
#define CPU_PERIOD_US 100000
#define TMPFS "rw,noexec,nosuid,nodev,size=16m,mode=1777"
#define USER_TEXT_MAX 64
#define FILES_MAX 1024
#define NPROC_MAX 4096

extern const char seccomp_profile[];

const char *docker_seccomp_profile(void)
{
        return seccomp_profile;
}

/* The file where the daemon has it. */
static void source_of(const struct docker_spec *spec, const char *path, struct buf *out)
{
        const char *theirs = spec->settings->home;
        size_t n = spec->home ? strlen(spec->home) : 0;
        if (*theirs && n > 0 && strncmp(path, spec->home, n) == 0 && path[n] == '/')
                buf_printf(out, "%s%s", theirs, path + n);
        else
                buf_puts(out, path);
}

/* Each file by itself, under the path that the request has, so that nothing else of its folder is
 * there. */
static int add_mounts(const struct docker_spec *spec, json_t *mounts, struct error *err)
{
        for (size_t i = 0; i < spec->call->n_files; i++) {
                const char *path = spec->call->files[i];
                _cleanup_buf_ struct buf source = {0};
                buf_init(&source, (size_t)2 * PATH_MAX);
                source_of(spec, path, &source);
                int r = buf_error(&source, err, "the path of a file");
                if (r < 0)
                        return r;
                if (json_array_append_new(mounts, json_pack("{s:s, s:s, s:s, s:b}", "Type", "bind",
                                                            "Source", buf_text(&source), "Target",
                                                            path, "ReadOnly", 1)) < 0)
                        return error_oom(err);
        }
        return 0;
}

/* "": the image's own, which is nobody's on this machine. It cannot read what only this process's
 * user can; then the runner gets that user, still without any capability. */
static int choose_user(const struct docker_spec *spec, char out[USER_TEXT_MAX], struct error *err)
{
        (void)snprintf(out, USER_TEXT_MAX, "%s", spec->settings->user);
        for (size_t i = 0; !*out && i < spec->call->n_files; i++) {
                struct stat st;
                if (stat(spec->call->files[i], &st) < 0)
                        return error_errno(err, errno, "looking at %s", spec->call->files[i]);
                if (!(st.st_mode & S_IROTH))
                        (void)snprintf(out, USER_TEXT_MAX, "%u:%u", (unsigned)geteuid(),
                                       (unsigned)getegid());
        }
        return 0;
}

/* What keeps it apart: no network, no capability, nothing to write but /tmp, and no IPC with others
 * (nor a /dev/shm). */
static json_t *walls_of(const struct docker_spec *spec)
{
        _cleanup_buf_ struct buf seccomp = {0};
        buf_init(&seccomp, (size_t)1024 * 1024);
        buf_printf(&seccomp, "seccomp=%s",
                   spec->seccomp_path ? spec->seccomp_path : seccomp_profile);
        return json_pack("{s:s, s:b, s:[s], s:[s, s], s:{s:s}, s:s}", "NetworkMode", "none",
                         "ReadonlyRootfs", 1, "CapDrop", "ALL", "SecurityOpt", "no-new-privileges",
                         buf_text(&seccomp), "Tmpfs", "/tmp", TMPFS, "IpcMode", "none");
}

/* No swap; one core more than the engine's threads, as files are hashed meanwhile. RLIMIT_NPROC
 * counts all of a user's processes, also those in other containers. */
static json_t *limits_of(const struct executor_call *call)
{
        json_int_t memory = away_memory_mb(call) * 1024 * 1024;
        return json_pack("{s:I, s:I, s:I, s:I, s:I, s:[{s:s, s:i, s:i}, {s:s, s:i, s:i}, {s:s, "
                         "s:i, s:i}]}",
                         "PidsLimit", (json_int_t)(call->threads + PIDS_SLACK), "Memory", memory,
                         "MemorySwap", memory, "CpuPeriod", (json_int_t)CPU_PERIOD_US, "CpuQuota",
                         (json_int_t)((call->threads + 1) * CPU_PERIOD_US), "Ulimits", "Name",
                         "core", "Soft", 0, "Hard", 0, "Name", "nofile", "Soft", FILES_MAX, "Hard",
                         FILES_MAX, "Name", "nproc", "Soft", NPROC_MAX, "Hard", NPROC_MAX);
}

/* Takes more over; false for no memory. */
static bool merge(json_t *into, json_t *more)
{
        bool merged = more && json_object_update(into, more) == 0;
        json_decref(more);
        return merged;
}

/* Answers are nothing for the daemon's disk, so it keeps no log of them. */
static json_t *host_config(const struct docker_spec *spec, json_t *mounts)
{
        const char *runtime = spec->settings->runtime;
        _cleanup_json_ json_t *config =
                json_pack("{s:O, s:{s:s}, s:{s:s}}", "Mounts", mounts, "LogConfig", "Type", "none",
                          "RestartPolicy", "Name", "no");
        if (!config || !merge(config, walls_of(spec)) || !merge(config, limits_of(spec->call)) ||
            (*runtime && json_object_set_new(config, "Runtime", json_string(runtime)) < 0))
                return NULL;
        return steal_ptr(&config);
}

static json_t *arguments_of(const struct docker_spec *spec)
{
        _cleanup_json_ json_t *list = json_array();
        for (size_t i = 0; spec->arguments[i]; i++)
                if (json_array_append_new(list, json_string(spec->arguments[i])) < 0)
                        return NULL;
        return steal_ptr(&list);
}

int docker_spec_put(const struct docker_spec *spec, struct buf *out, struct error *err)
{
        _cleanup_json_ json_t *mounts = json_array();
        char user[USER_TEXT_MAX] = "";
        char until[32];
        if (!mounts)
                return error_oom(err);
        int r = add_mounts(spec, mounts, err);
        if (r == 0)
                r = choose_user(spec, user, err);
        if (r < 0)
                return r;
        (void)snprintf(until, sizeof(until), "%lld", (long long)spec->until_s);
        _cleanup_json_ json_t *body = json_pack(
                "{s:s, s:o, s:o, s:s, s:s, s:{s:s, s:s}, s:b, s:b, s:b, s:b, s:b, s:b, s:b}",
                "Image", spec->settings->image, "Cmd", arguments_of(spec), "HostConfig",
                host_config(spec, mounts), "Hostname", "runner", "WorkingDir", "/", "Labels",
                DOCKER_LABEL_OWNER, spec->owner, DOCKER_LABEL_UNTIL, until, "AttachStdin", 1,
                "AttachStdout", 1, "AttachStderr", 1, "OpenStdin", 1, "StdinOnce", 1, "Tty", 0,
                "NetworkDisabled", 1);
        if (!body || (*user && json_object_set_new(body, "User", json_string(user)) < 0))
                return error_oom(err);
        r = json_put(body, out, err);
        return r < 0 ? r : buf_error(out, err, "what the container is made of");
}
