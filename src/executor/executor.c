#include "executor/executor.h"

#include "executor/backend.h"

#include <string.h>

static const struct executor_ops *const backends[] = {
        &executor_local_ops,
};

int executor_open(const char *name, const char *runner, const char *data_root,
                  struct executor **ret, struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
                if (strcmp(backends[i]->name, name) == 0)
                        return backends[i]->open(runner, data_root, ret, err);
        return error_set(err, ERROR_USAGE, "there is no executor \"%s\"; use \"local\"", name);
}

void executor_free(struct executor *executor)
{
        if (executor)
                executor->ops->free(executor);
}

const char *executor_name(const struct executor *executor)
{
        return executor->ops->name;
}

int executor_use_host(struct executor *executor, const struct executor_host *host,
                      struct error *err)
{
        return executor->ops->use_host(executor, host, err);
}

int executor_prepare(struct executor *executor, struct error *err)
{
        return executor->ops->prepare(executor, err);
}

int executor_run(struct executor *executor, const struct executor_call *call, struct buf *response,
                 struct error *err)
{
        return executor->ops->run(executor, call, response, err);
}

int executor_ask(struct executor *executor, enum executor_question question, struct buf *answer,
                 struct error *err)
{
        return executor->ops->ask(executor, question, answer, err);
}

const char *executor_place(const struct executor *executor)
{
        return executor->ops->place(executor);
}
