/* Language models behind HTTP: a call in a neutral form goes out, text and tool calls come back.
 * Two wire formats: OpenAI's chat completions, which many servers speak (Ollama, vLLM, llama.cpp,
 * gateways), and Anthropic's messages. What a model says is not trusted: it is bounded, UTF-8, and
 * otherwise the caller's to judge. Knows nothing of datasets, plans and runs. The program ignores
 * SIGPIPE. */
#ifndef ASKCSV_MODEL_MODEL_H
#define ASKCSV_MODEL_MODEL_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ceilings of one answer; beyond one it is ERROR_MODEL_ANSWER. */
#define MODEL_TEXT_MAX ((size_t)1024 * 1024)      /* bytes of text */
#define MODEL_ARGUMENTS_MAX ((size_t)256 * 1024)  /* bytes of one tool call's arguments */
#define MODEL_CALLS_MAX 16                        /* tool calls */
#define MODEL_NAME_MAX 256                        /* bytes of a tool call's id or name */
#define MODEL_LINE_MAX ((size_t)4 * 1024 * 1024)  /* of an event, or of an answer in one piece */
#define MODEL_BODY_MAX ((size_t)64 * 1024 * 1024) /* all bytes of a stream */
/* Ceilings of what goes out; beyond one it is ERROR_INVALID_REQUEST. */
#define MODEL_REQUEST_MAX ((size_t)16 * 1024 * 1024) /* bytes of the request's body */
#define MODEL_KEY_MAX 1024                           /* bytes of a key */

#define MODEL_OPENAI_URL "https://api.openai.com/v1"
#define MODEL_ANTHROPIC_URL "https://api.anthropic.com"

enum model_kind { MODEL_OPENAI, MODEL_ANTHROPIC };

struct model_options {
        enum model_kind kind;
        const char *base_url; /* http or https, no user and no query in it; NULL: the provider's.
                               * "/chat/completions" or "/v1/messages" is put behind it */
        const char *model;    /* as the provider calls it */
        const char *key;      /* printable ASCII without blanks; NULL or "": none is sent */
        const char *proxy;    /* NULL or "": https_proxy, http_proxy and all_proxy of the
                               * environment, as libcurl has them. no_proxy counts in any case */
        const char *ca_file;  /* PEM file of the authorities that are trusted, and no others; NULL
                               * or "": the system's */
        int64_t connect_timeout_ms; /* name, connection, TLS; each of these is at least 1 */
        int64_t idle_timeout_ms;    /* the longest silence of the server */
        int64_t total_timeout_ms;   /* of a call with its retries */
        int retries_max;            /* after the first attempt; 0: none */
        int64_t tokens_max;         /* of an answer; 0: the provider's default (Anthropic: 8192) */
};

struct model; /* opaque; may be used by several threads at once */

/* Checks the options and copies them. ERROR_USAGE says which setting is wrong, and never quotes a
 * key. Nothing is sent. */
int model_open(const struct model_options *options, struct model **ret, struct error *err);
void model_free(struct model *model); /* NULL is fine; no call may be under way */

struct model_call {
        /* [{"role": "system"|"user"|"assistant"|"tool", "text": "...",
         *   "tool_calls": [{"id": "...", "name": "...", "arguments": {...}}],  assistant, optional
         *   "provider": [...],                       assistant, optional: the reply's, unchanged
         *   "tool_call_id": "..."}]                                            tool
         * As model_reply has tool calls, so they may be put here; malformed ones as well. A
         * conversation has a "tool" message for each tool call of the message before. */
        json_t *messages;
        json_t *tools; /* [{"name", "description", "parameters": a JSON Schema}]; or NULL */
        /* Text as it comes, whole characters, or NULL. Nothing is tried again once it was called.
         * On the calling thread. */
        void (*on_text)(const char *text, size_t n, void *data);
        void *data;
        int cancel_fd;       /* readable or at its end: stop within 200 ms; -1: none */
        int64_t deadline_us; /* of clock_monotonic_us(); 0: only total_timeout_ms counts */
};

enum model_stop {
        MODEL_STOP_END,     /* said all */
        MODEL_STOP_TOOLS,   /* wants tools called */
        MODEL_STOP_LENGTH,  /* tokens_max, or the model's context, is used up */
        MODEL_STOP_REFUSED, /* does not want to answer, or was not let */
        MODEL_STOP_OTHER,
};

struct model_reply {
        char *text;         /* "" when there was none */
        json_t *tool_calls; /* [{"id", "name", "arguments": {...}}]; arguments that are no JSON
                             * object are a string, and "malformed": true is beside them. An id that
                             * the server left out was made up */
        json_t *provider;   /* what the provider wants to have back with this message, as thoughts
                             * between tool calls; or NULL */
        int64_t tokens_in, tokens_out; /* -1: the server did not say */
        enum model_stop stop;
};

/* Asks, and waits for the whole answer. On failure *ret is untouched. Errors:
 * ERROR_MODEL_UNAVAILABLE  not reached, TLS, timeouts, and 429 and 5xx after the retries;
 *                          retry_after_ms when the server said when
 * ERROR_MODEL_REFUSED      key, model or request; says which setting to look at, and what the
 *                          provider said of it
 * ERROR_MODEL_ANSWER       the answer is not of the wire format, cut off, no UTF-8, too long
 * ERROR_INVALID_REQUEST    the call is not of the form above, or too large
 * ERROR_CANCELLED          by cancel_fd
 * Attempts are repeated, with full jitter, after 429, 500, 502, 503, 504, 529 and failures before
 * the first byte of an answer; Retry-After is kept to if it ends within a minute and before the
 * deadline, else the call fails at once. */
int model_chat(const struct model *model, const struct model_call *call, struct model_reply *ret,
               struct error *err);
/* Whether the server is there: name, connection and TLS within timeout_ms. Nothing is sent to it,
 * so that a key or a model that it does not take is not found. ERROR_MODEL_UNAVAILABLE when it is
 * not.
 */
int model_reach(const struct model *model, int64_t timeout_ms, struct error *err);

void model_reply_done(struct model_reply *reply); /* safe on a zeroed struct and twice */

#endif
