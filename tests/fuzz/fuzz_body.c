/* Bodies for what takes the most of them: POST /v1/runs, /v1/chat and /v1/plans/compile of the real
 * server, over a connection that is kept. Each gets its answer, and that is JSON.
 *
 * An input is a byte that chooses the path, and the body. The files of the dataset "gone" are not
 * there; those of "shop" are, so its runs come as far as the runner, which there is none of. */
#include "fuzz_server.h"

#define SHOP_TABLES                                                                                \
        "\"tables\":[{\"name\":\"orders\",\"file\":\"orders.csv\",\"format\":\"csv\","             \
        "\"columns\":[{\"name\":\"id\",\"type\":\"INTEGER\",\"nullable\":false},"                  \
        "{\"name\":\"day\",\"type\":\"DATE\",\"nullable\":true},"                                  \
        "{\"name\":\"total\",\"type\":\"DECIMAL(10,2)\",\"nullable\":true,\"unit\":\"USD\"},"      \
        "{\"name\":\"state\",\"type\":\"VARCHAR\",\"nullable\":true}]}]"

static const char registry[] =
        "{\"version\":1,\"datasets\":["
        "{\"id\":\"gone\",\"name\":\"Gone\",\"description\":\"A shop.\"," SHOP_TABLES "},"
        "{\"id\":\"shop\",\"name\":\"Shop\",\"description\":\"A shop.\","
        "\"as_of\":\"2026-01-31T00:00:00Z\"," SHOP_TABLES "}]}";

static void write_files(void)
{
        static const char csv[] = "id,day,total,state\n1,2026-01-30,9.50,new\n";
        struct error err = {0};
        char path[160];
        (void)snprintf(path, sizeof(path), "%s/shop", fuzz_server.datasets);
        FUZZ_CHECK(mkdir(path, 0700) == 0);
        (void)snprintf(path, sizeof(path), "%s/shop/orders.csv", fuzz_server.datasets);
        FUZZ_CHECK(fd_write_file(path, csv, sizeof(csv) - 1, 0600, &err) == 0);
}

static bool is_closing(const struct fuzz_response *response, const char *text)
{
        const char *connection = fuzz_header(response, text, "Connection");
        return connection && strncasecmp(connection, "close", 5) == 0;
}

static int connection = -1;

/* Sends the request and reads its answer. */
static void ask(const char *path, const uint8_t *body, size_t n)
{
        struct fuzz_response response;
        struct buf out;
        struct buf in;
        buf_init(&out, FUZZ_ANSWER_MAX);
        buf_init(&in, FUZZ_ANSWER_MAX);
        buf_printf(&out,
                   "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   path, n);
        buf_append(&out, body, n);
        FUZZ_CHECK(out.state == BUF_OK);
        if (connection < 0)
                connection = fuzz_connect();
        (void)fuzz_send(connection, out.data, out.len);
        fuzz_read_response(connection, &in, &response);
        FUZZ_CHECK(response.is_json || response.is_problem);
        FUZZ_CHECK(in.len == response.head_bytes + response.length);
        if (is_closing(&response, buf_text(&in))) {
                (void)close(connection);
                connection = -1;
        }
        buf_done(&in);
        buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const paths[] = {"/v1/runs", "/v1/chat", "/v1/plans/compile"};
        if (!fuzz_server.serve) {
                fuzz_server_start(registry);
                write_files();
        }
        fuzz_check_health();
        if (size > 0)
                ask(paths[data[0] % ARRAY_SIZE(paths)], data + 1, size - 1);
        return 0;
}
