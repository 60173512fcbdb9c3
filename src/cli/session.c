#include "cli/session.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/report.h"
#include "server/config.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINGER_S 60
#define LINGER_S_MAX 86400

static const char *user_home(void)
{
        const char *home = getenv("HOME");
        if (home && home[0] == '/')
                return home;
        const struct passwd *user = getpwuid(geteuid());
        return user && user->pw_dir[0] == '/' ? user->pw_dir : NULL;
}

/* XDG Base Directory Specification: a relative $XDG_DATA_HOME is to be ignored. */
static int put_home(struct buf *path, struct error *err)
{
        const char *own = getenv("ASKCSV_HOME");
        const char *data = getenv("XDG_DATA_HOME");
        if (own && *own) {
                char folder[PATH_MAX];
                if (own[0] != '/' && !getcwd(folder, sizeof(folder)))
                        return error_errno(err, errno, "finding the current folder");
                if (own[0] != '/')
                        buf_printf(path, "%s/", folder);
                buf_puts(path, own);
                return 0;
        }
        if (data && data[0] == '/') {
                buf_printf(path, "%s/askcsv", data);
                return 0;
        }
        const char *home = user_home();
        if (!home)
                return error_set(err, ERROR_IO,
                                 "there is no home folder for the capsules; set ASKCSV_HOME");
        buf_printf(path, "%s/.local/share/askcsv", home);
        return 0;
}

int home_path(char **ret, struct error *err)
{
        _cleanup_buf_ struct buf path = {0};
        buf_init(&path, PATH_MAX - 256); /* names of files follow */
        int r = put_home(&path, err);
        if (r == 0)
                r = buf_error(&path, err, "the path of the home folder (ASKCSV_HOME)");
        if (r < 0)
                return r;
        *ret = buf_steal(&path);
        return *ret ? 0 : error_oom(err);
}

/* Where the server has them too. */
static int store_url(const char *home, char **ret, struct error *err)
{
        struct config *config = NULL;
        int r = config_load(NULL, 0, home, &config, err);
        if (r == 0)
                r = config_store_url(config, home, ret, err);
        config_free(config);
        return r;
}

int session_open_store(const char *home, struct capsule_store **ret, struct error *err)
{
        char *url = NULL;
        int r = store_url(home, &url, err);
        if (r < 0)
                return r;
        r = capsule_store_open(url, ret, err);
        explicit_bzero(url, strlen(url));
        free(url);
        return r;
}

int session_add_store(struct session *session, struct error *err)
{
        size_t recovered = 0;
        struct error why = {0};
        int r = fd_make_dirs(session->home, err);
        if (r < 0)
                return error_prefix(err, r,
                                    "making the home folder (set ASKCSV_HOME to one that can be "
                                    "written)");
        r = session_open_store(session->home, &session->store, err);
        if (r < 0)
                return r;
        /* What cannot be sealed now can be later; it is no reason not to show the others. */
        if (capsule_store_recover(session->store, &recovered, &why) < 0)
                report_note("a run that was cut off could not be recorded as failed: %s",
                            why.message);
        if (recovered > 0)
                report_note("%zu run%s cut off earlier %s now recorded as failed", recovered,
                            recovered == 1 ? "" : "s", recovered == 1 ? "is" : "are");
        return 0;
}

int session_registry(struct registry **ret, struct error *err)
{
        const char *path = getenv("ASKCSV_REGISTRY");
        int r = registry_open(path && *path ? path : NULL, ret, err);
        return r < 0 ? error_prefix(err, r, "the registry of datasets") : 0;
}

/* $ASKCSV_DATASETS, for files that are not the home's (of an image, or mounted to be read only);
 * else home/datasets. */
static int find_datasets(const char *home, char **ret, struct error *err)
{
        const char *named = getenv("ASKCSV_DATASETS");
        int r;
        if (named && *named && *named != '/')
                return error_set(err, ERROR_USAGE,
                                 "ASKCSV_DATASETS must be an absolute path, not \"%s\"", named);
        if (named && *named)
                r = asprintf(ret, "%s", named);
        else
                r = asprintf(ret, "%s/datasets", home);
        if (r >= 0)
                return 0;
        *ret = NULL;
        return error_oom(err);
}

int session_open(enum session_needs needs, struct session *ret, struct error *err)
{
        _cleanup_session_ struct session session = {0};
        int r = home_path(&session.home, err);
        if (r < 0)
                return r;
        r = find_datasets(session.home, &session.datasets_folder, err);
        if (r < 0)
                return r;
        r = session_registry(&session.registry, err);
        if (r == 0 && needs == SESSION_STORE)
                r = session_add_store(&session, err);
        if (r < 0)
                return r;
        *ret = session;
        session = (struct session){0};
        return 0;
}

void session_done(struct session *session)
{
        capsule_store_free(session->store);
        registry_free(session->registry);
        free(session->datasets_folder);
        free(session->home);
        config_free(session->config);
        *session = (struct session){0};
}

/* A whole number out of the environment, or the fallback when it is not set. */
static int number_from(const char *name, long long max, int64_t fallback, int64_t *ret,
                       struct error *err)
{
        const char *text = getenv(name);
        char *end = NULL;
        *ret = fallback;
        if (!text || !*text)
                return 0;
        errno = 0;
        long long value = strtoll(text, &end, 10);
        if (errno || *end || value < 0 || value > max)
                return error_set(err, ERROR_USAGE,
                                 "%s is \"%.40s\"; it wants a number from 0 to "
                                 "%lld",
                                 name, text, max);
        *ret = value;
        return 0;
}

int session_host(const struct session *session, struct executor_host *ret, struct error *err)
{
        struct executor_host host = {.home = session->home};
        int64_t linger_s = 0;
        int r = number_from("ASKCSV_LINGER", LINGER_S_MAX, LINGER_S, &linger_s, err);
        if (r == 0)
                r = number_from("ASKCSV_RUNS", 1024, -1, &host.runs, err);
        if (r == 0)
                r = number_from("ASKCSV_QUEUE", 100000, -1, &host.waiting, err);
        if (r == 0)
                r = number_from("ASKCSV_MEMORY_MB", 1LL << 30, -1, &host.memory_mb, err);
        if (r == 0)
                r = number_from("ASKCSV_SNAPSHOT_MB", 1000000000, -1, &host.snapshot_mb, err);
        host.linger_ms = linger_s * 1000;
        *ret = host;
        return r;
}

int session_settings(struct session *session, struct executor_settings *ret, struct error *err)
{
        const struct config_flag flag = {config_setting(CONFIG_EXECUTOR)->flag, session->executor};
        struct executor_host host;
        int r = session_host(session, &host, err);
        if (r == 0 && !session->config)
                r = config_load(&flag, session->executor ? 1 : 0, session->home, &session->config,
                                err);
        if (r == 0)
                *ret = config_executor(session->config, &host);
        return r;
}

int session_executor(struct session *session, const char *data_root, struct executor **ret,
                     struct error *err)
{
        struct executor_settings settings;
        int r = session_settings(session, &settings, err);
        return r < 0 ? r : executor_open_as(&settings, data_root, ret, err);
}
