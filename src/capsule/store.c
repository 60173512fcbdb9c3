#include "capsule/store.h"

#include "base/cleanup.h"
#include "capsule/store_ops.h"

#include <string.h>

static const struct {
        const char *scheme;
        const struct capsule_store_ops *ops;
} kinds[] = {
        {"sqlite:", &capsule_sqlite_ops},
        {"postgresql:", &capsule_postgres_ops},
        {"postgres:", &capsule_postgres_ops},
};

int capsule_store_open(const char *url, struct capsule_store **ret, struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                size_t n = strlen(kinds[i].scheme);
                if (strncmp(url, kinds[i].scheme, n) == 0)
                        return kinds[i].ops->open(url + n, ret, err);
        }
        /* Only its beginning is shown: behind it there may be a password. */
        return error_set(err, ERROR_USAGE,
                         "there is no capsule store of the kind \"%.*s\"; give sqlite:PATH, or "
                         "postgresql://USER@HOST/DATABASE",
                         (int)strcspn(url, ":/@"), url);
}

void capsule_store_free(struct capsule_store *store)
{
        if (store)
                store->ops->free(store);
}

void capsule_store_set_wait(struct capsule_store *store, int wait_ms)
{
        store->ops->set_wait(store, wait_ms);
}

void capsule_store_set_lease(struct capsule_store *store, int lease_ms)
{
        if (store->ops->set_lease)
                store->ops->set_lease(store, lease_ms);
}

int capsule_store_insert(struct capsule_store *store, const struct capsule *capsule,
                         struct error *err)
{
        if (run_state_is_final(capsule->state))
                return error_set(err, ERROR_INTERNAL, "a capsule that is %s cannot be inserted",
                                 run_state_name(capsule->state));
        return store->ops->insert(store, capsule, err);
}

int capsule_store_update(struct capsule_store *store, const struct capsule *capsule,
                         struct error *err)
{
        if (capsule_is_sealed(capsule))
                return error_set(err, ERROR_INTERNAL, "the capsule %s is sealed and cannot change",
                                 capsule_run_id(capsule));
        return store->ops->update(store, capsule, err);
}

/* A copy is sealed, so that the caller's capsule is not when the commit fails. */
int capsule_store_seal(struct capsule_store *store, struct capsule *capsule, struct error *err)
{
        struct capsule copy = {
                .body = json_copy(capsule->body), .kind = capsule->kind, .state = capsule->state};
        if (!copy.body)
                return error_oom(err);
        int r = store->ops->seal(store, &copy, err);
        if (r == 0) {
                json_decref(capsule->body);
                capsule->body = steal_ptr(&copy.body);
        }
        json_decref(copy.body);
        return r;
}

int capsule_store_probe(struct capsule_store *store, struct error *err)
{
        return store->ops->probe(store, err);
}

int capsule_store_recover(struct capsule_store *store, size_t *ret_count, struct error *err)
{
        return store->ops->recover(store, ret_count, err);
}

int capsule_store_get(struct capsule_store *store, const char *run_id, struct capsule **ret,
                      struct error *err)
{
        return store->ops->get(store, run_id, ret, err);
}

int capsule_store_asker(struct capsule_store *store, const char *run_id, char *out,
                        struct error *err)
{
        return store->ops->asker(store, run_id, out, err);
}

int capsule_store_list(struct capsule_store *store, const struct capsule_filter *filter,
                       int (*each)(const struct capsule *capsule, void *data), void *data,
                       struct error *err)
{
        if (filter->status && run_state_from_name(filter->status) == RUN_STATE_COUNT_)
                return error_set(err, ERROR_USAGE,
                                 "there is no status \"%s\"; there are pending, running, "
                                 "succeeded, failed, rejected, timed_out, cancelled and abstained",
                                 filter->status);
        if (filter->kind && capsule_kind_from_name(filter->kind) == CAPSULE_KIND_COUNT_)
                return error_set(err, ERROR_USAGE,
                                 "there is no kind \"%s\" of capsules; there are run, answer and "
                                 "retention",
                                 filter->kind);
        return store->ops->list(store, filter, each, data, err);
}

int capsule_store_head(struct capsule_store *store, struct chain_head *ret, struct error *err)
{
        return store->ops->head(store, ret, err);
}
