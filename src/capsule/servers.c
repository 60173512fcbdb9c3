#include "capsule/servers.h"

#include "capsule/servers_ops.h"
#include "capsule/store_ops.h"

bool store_is_shared(const struct capsule_store *store)
{
        return store->ops->is_shared && store->ops->is_shared(store);
}

static int call(struct capsule_store *store, struct servers_call *what, struct error *err)
{
        if (!store_is_shared(store))
                return error_set(err, ERROR_INTERNAL,
                                 "this capsule store is not for servers that share it");
        return store->ops->servers(store, what, err);
}

int store_ask_cancel(struct capsule_store *store, const char *run_id, struct error *err)
{
        struct servers_call what = {.op = SERVERS_ASK_CANCEL, .run_id = run_id};
        int r = call(store, &what, err);
        return r < 0 ? r : what.n > 0;
}

int store_adopt(struct capsule_store *store, struct capsule **ret, struct error *err)
{
        struct servers_call what = {.op = SERVERS_ADOPT};
        int r = call(store, &what, err);
        if (r < 0)
                return r;
        *ret = what.capsule;
        return what.capsule ? 1 : 0;
}

int store_cancels(struct capsule_store *store, void (*each)(const char *run_id, void *data),
                  void *data, struct error *err)
{
        struct servers_call what = {.op = SERVERS_CANCELS, .each_run = each, .data = data};
        return call(store, &what, err);
}

int store_document_get(struct capsule_store *store, const char *name, int64_t known, char **ret,
                       int64_t *ret_version, struct error *err)
{
        struct servers_call what = {.op = SERVERS_DOCUMENT_GET, .name = name, .version = known};
        int r = call(store, &what, err);
        if (r < 0)
                return r;
        *ret = what.body;
        *ret_version = what.version;
        return 0;
}

int store_document_put(struct capsule_store *store, const char *name, int64_t version,
                       const char *body, struct error *err)
{
        struct servers_call what = {
                .op = SERVERS_DOCUMENT_PUT, .name = name, .version = version, .text = body};
        int r = call(store, &what, err);
        return r < 0 ? r : what.n > 0;
}

int store_buckets(struct capsule_store *store, struct bucket *buckets, size_t n, struct error *err)
{
        struct servers_call what = {.op = SERVERS_BUCKETS, .buckets = buckets, .n_buckets = n};
        return n > 0 ? call(store, &what, err) : 0;
}
