/* What an executor's backend fulfils; for the files of this folder only. */
#ifndef ASKCSV_EXECUTOR_BACKEND_H
#define ASKCSV_EXECUTOR_BACKEND_H

#include "executor/executor.h"

struct executor_ops {
        const char *name;
        bool checks_first;
        int (*open)(const struct executor_settings *settings, const char *data_root,
                    struct executor **ret, struct error *err);
        void (*free)(struct executor *executor);
        int (*use_host)(struct executor *executor, const struct executor_host *host,
                        struct error *err);
        int (*prepare)(struct executor *executor, struct error *err);
        int (*run)(struct executor *executor, const struct executor_call *call,
                   struct buf *response, struct error *err);
        int (*ask)(struct executor *executor, enum executor_question question, struct buf *answer,
                   struct error *err);
        const char *(*place)(const struct executor *executor);
        /* Or NULL: it leaves nothing behind. */
        int (*recover)(const struct executor_settings *settings, size_t *ret_removed,
                       struct error *err);
};

/* The first member of every backend's own struct. */
struct executor {
        const struct executor_ops *ops;
};

extern const struct executor_ops executor_local_ops;
extern const struct executor_ops executor_docker_ops;
extern const struct executor_ops executor_kubernetes_ops;

#endif
