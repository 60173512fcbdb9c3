#include "executor/executor.h"

#include "executor/backend.h"

#include <string.h>

static const struct executor_ops *const backends[] = {
        &executor_local_ops,
        &executor_docker_ops,
        &executor_kubernetes_ops,
};

static const struct executor_ops *find(const char *name, struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
                if (strcmp(backends[i]->name, name) == 0)
                        return backends[i];
        (void)error_set(err, ERROR_USAGE,
                        "there is no executor \"%s\"; use \"local\", \"docker\" or \"kubernetes\"",
                        name);
        return NULL;
}

int executor_open_as(const struct executor_settings *settings, const char *data_root,
                     struct executor **ret, struct error *err)
{
        struct executor *executor = NULL;
        const struct executor_ops *ops = find(settings->name, err);
        int r = ops ? ops->open(settings, data_root, &executor, err) : -(int)ERROR_USAGE;
        if (r == 0 && !settings->cold)
                r = executor_use_host(executor, &settings->host, err);
        if (r < 0)
                executor_free(executor);
        else
                *ret = executor;
        return r;
}

int executor_open(const char *name, const char *runner, const char *data_root,
                  struct executor **ret, struct error *err)
{
        const struct executor_settings settings = {.name = name, .runner = runner, .cold = true};
        return executor_open_as(&settings, data_root, ret, err);
}

int executor_recover(const struct executor_settings *settings, size_t *ret_removed,
                     struct error *err)
{
        size_t ignored = 0;
        const struct executor_ops *ops = find(settings->name, err);
        if (!ops)
                return -(int)ERROR_USAGE;
        return ops->recover ? ops->recover(settings, ret_removed ? ret_removed : &ignored, err) : 0;
}

bool executor_checks_first(const struct executor *executor)
{
        return executor->ops->checks_first;
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
