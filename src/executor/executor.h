/* An executor carries one request to a runner and brings its response back; it never looks into
 * either. */
#ifndef ASKCSV_EXECUTOR_EXECUTOR_H
#define ASKCSV_EXECUTOR_EXECUTOR_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Past the request's timeout, before the runner itself is given up. */
#define EXECUTOR_GRACE_MS 1500

struct executor; /* opaque */

struct executor_call {
        const char *request; /* one JSON document */
        size_t request_bytes;
        int64_t timeout_ms; /* of the request; the runner is killed EXECUTOR_GRACE_MS later */
        int64_t max_response_bytes;
        int cancel_fd; /* becomes readable when the run is to be stopped; -1: never */
        bool more;     /* another call of this executor follows: tables stay warm until then */
        /* What a runner that is elsewhere has to be given. */
        const char *const *files; /* that the request names: absolute, below the data root */
        size_t n_files;
        int64_t memory_mb; /* of the engine, as the request's limits say */
        int64_t threads;
        bool only_check; /* the request opens no file and runs nothing */
};

/* Whether and how tables are kept warm between calls. Numbers below 0: the host's own default. */
struct executor_host {
        const char *home;    /* $ASKCSV_HOME: its snapshots and its socket are there */
        const char *client;  /* whose turn it is to wait; NULL: this process's. Calls of different
                              * clients share the queue evenly */
        int64_t linger_ms;   /* a host that is started ends after so long without a client */
        int64_t runs;        /* at once */
        int64_t waiting;     /* that may wait for their turn; beyond it ERROR_QUEUE_FULL */
        int64_t memory_mb;   /* that the runs at once may ask for together */
        int64_t snapshot_mb; /* of all snapshots */
};

/* Where a Docker daemon is, and what it is to run. NULL or "" is the default. */
struct executor_docker {
        const char *socket;  /* its Unix socket: a path, or unix://PATH; EXECUTOR_DOCKER_SOCKET */
        const char *image;   /* EXECUTOR_DOCKER_IMAGE */
        const char *user;    /* in the container, "UID:GID"; else the image's own, or this process's
                              * when not everybody may read the files */
        const char *runtime; /* "runsc"; else the daemon's own */
        int64_t timeout_ms;  /* for each step of the daemon's; 0: EXECUTOR_DOCKER_TIMEOUT_MS */
        const char *home;    /* where the daemon has $ASKCSV_HOME, if it has it elsewhere */
};
#define EXECUTOR_DOCKER_SOCKET "/var/run/docker.sock"
#define EXECUTOR_DOCKER_IMAGE "askcsv-runner:" ASKCSV_VERSION
#define EXECUTOR_DOCKER_TIMEOUT_MS 60000 /* a busy daemon is slow */

/* Which cluster, and what is run there. NULL, "" or 0 is the default. */
struct executor_kubernetes {
        const char *config;     /* a kubeconfig; else the pod's service account, or kubectl's own */
        const char *context;    /* in it; else its current one */
        const char *namespace_; /* where Jobs are made; else the context's, or the pod's own */
        const char *image;      /* EXECUTOR_KUBERNETES_IMAGE */
        const char *pod_template; /* path of a file (kubernetes_spec.h) */
        int64_t start_ms;         /* that a pod may take to start; EXECUTOR_KUBERNETES_START_MS */
        int64_t ttl_s;            /* that an ended Job stays when nobody is left to remove it */
        bool request_by_secret;   /* small requests too, which else are in the Job itself */
};
#define EXECUTOR_KUBERNETES_IMAGE "askcsv-runner:" ASKCSV_VERSION
#define EXECUTOR_KUBERNETES_START_MS 120000

/* Which executor, and all that any of them needs to know. */
struct executor_settings {
        const char *name;   /* "local", "docker" or "kubernetes" */
        const char *runner; /* the path of askcsv-runner, or NULL: the one beside this program, or
                             * $ASKCSV_RUNNER */
        struct executor_host host; /* its home is needed by all but a local one that is cold */
        bool cold;                 /* no host of warm tables is used: files are read anew */
        struct executor_docker docker;
        struct executor_kubernetes kubernetes;
};

/* data_root is the folder that the runner may read tables from. All strings are copied. That there
 * is no such runner, or no daemon, the first call finds. */
int executor_open_as(const struct executor_settings *settings, const char *data_root,
                     struct executor **ret, struct error *err);
/* The one of that name with nothing else set; it is cold. */
int executor_open(const char *name, const char *runner, const char *data_root,
                  struct executor **ret, struct error *err);
void executor_free(struct executor *executor); /* NULL is fine */

/* Removes what runs of processes that died have left behind at the daemon; at the start of who is
 * going to have runs. Nothing for the local one. *ret_removed may be NULL. */
int executor_recover(const struct executor_settings *settings, size_t *ret_removed,
                     struct error *err);

/* Whether SQL is first to be given to it with only_check: it checks on this machine, and runs
 * elsewhere, where SQL that is refused must never get. */
bool executor_checks_first(const struct executor *executor);

/* From now on calls go to the host of that home, which is started when there is none; if it cannot
 * be, a runner is started for each call as before. The strings are copied. */
int executor_use_host(struct executor *executor, const struct executor_host *host,
                      struct error *err);

const char *executor_name(const struct executor *executor);

/* Starts what the next executor_run will need, so that it gets ready while the caller is still
 * busy with other things; a runner that was made ready runs nothing until it gets a request. May be
 * left out. */
int executor_prepare(struct executor *executor, struct error *err);

/* Runs the call; response is the runner's JSON text. Errors: ERROR_CANCELLED,
 * ERROR_RUNNER_TIMEOUT, ERROR_RUNNER_INTERNAL (the runner died or said nothing), ERROR_IO. No
 * process is left behind, whatever happens. */
int executor_run(struct executor *executor, const struct executor_call *call, struct buf *response,
                 struct error *err);

enum executor_question {
        EXECUTOR_ASK_VERSION, /* "askcsv-runner 0.1.0" */
        EXECUTOR_ASK_PROBE,   /* one line of JSON: the engine, the walls, the verdict */
        EXECUTOR_ASK_HOST,    /* one line of JSON: what the host keeps; ERROR_IO: there is none */
};

/* What the runner says of itself, whatever its exit status. Errors as above. */
int executor_ask(struct executor *executor, enum executor_question question, struct buf *answer,
                 struct error *err);

/* Where the runner is, for people; belongs to the executor. */
const char *executor_place(const struct executor *executor);

#endif
