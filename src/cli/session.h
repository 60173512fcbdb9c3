/* What the commands share: the home folder, the registry, the capsule store. */
#ifndef ASKCSV_CLI_SESSION_H
#define ASKCSV_CLI_SESSION_H

#include "base/error.h"
#include "capsule/store.h"
#include "dataset/registry.h"
#include "executor/executor.h"
#include "server/config.h"

struct session {
        char *home;            /* $ASKCSV_HOME, absolute */
        char *datasets_folder; /* $ASKCSV_DATASETS, else home/datasets */
        struct registry *registry;
        struct capsule_store *store; /* NULL without SESSION_STORE */
        struct config *config;       /* NULL until session_settings */
        const char *executor;        /* what the option --executor said, or NULL; lent */
};

enum session_needs {
        SESSION_READ,  /* looks only; nothing is made */
        SESSION_STORE, /* the home is made and the store opened; runs cut off earlier are sealed */
};

int session_open(enum session_needs needs, struct session *ret, struct error *err);
/* The registry as it is now: the built-in one, or what ASKCSV_REGISTRY names. The caller frees
 * *ret. */
int session_registry(struct registry **ret, struct error *err);
/* Adds the store to a session that was opened without it. */
int session_add_store(struct session *session, struct error *err);
/* The store alone, of that home folder; it is where the server's setting "store" says. */
int session_open_store(const char *home, struct capsule_store **ret, struct error *err);
void session_done(struct session *session); /* safe on a zeroed struct */

/* How tables are kept warm, from the environment; home is lent by the session. */
int session_host(const struct session *session, struct executor_host *ret, struct error *err);
/* Which executor, by the option, the environment and config.json; lent by the session. */
int session_settings(struct session *session, struct executor_settings *ret, struct error *err);
/* The executor that reads below data_root. Of the local one tables are kept warm: $ASKCSV_LINGER
 * says for how many seconds after their last use (60). The caller frees *ret. */
int session_executor(struct session *session, const char *data_root, struct executor **ret,
                     struct error *err);

#define _cleanup_session_ _cleanup_(session_done)

/* $ASKCSV_HOME, else $XDG_DATA_HOME/askcsv, else ~/.local/share/askcsv; absolute. The caller
 * frees *ret. */
int home_path(char **ret, struct error *err);

#endif
