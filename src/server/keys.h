/* API keys: who may call the server, and what for. They are in $ASKCSV_HOME/keys.json, or in the
 * store that several servers share; of each key there is its SHA-256 and never its text. The text
 * has 256 random bits, so one round of SHA-256 is enough: there is nothing to guess. */
#ifndef ASKCSV_SERVER_KEYS_H
#define ASKCSV_SERVER_KEYS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define KEYS_FILE_NAME "keys.json" /* in $ASKCSV_HOME, 0600; replaced whole, never written into */
#define KEYS_MAX 10000
#define KEY_TEXT_SIZE 47 /* "ak_", 43 characters of base64url (RFC 4648 5), and a NUL */
#define KEY_ID_SIZE 9    /* 8 hexadecimal digits and a NUL */
#define KEY_NAME_SIZE 65 /* at most 64 bytes of UTF-8 without control characters, and a NUL */
#define KEY_TIME_SIZE 32

/* Each includes those before it. */
enum key_scope {
        KEY_READ = 1, /* look at datasets, runs and threads */
        KEY_RUN,      /* start runs and chats */
        KEY_ADMIN,    /* what belongs to others */
};

struct key {
        char id[KEY_ID_SIZE];
        char name[KEY_NAME_SIZE];
        enum key_scope scope;
};

struct key_entry {
        struct key key;
        char created_at[KEY_TIME_SIZE]; /* RFC 3339 */
        char revoked_at[KEY_TIME_SIZE]; /* or "" */
};

struct keys; /* opaque */

/* "read", "run", "admin"; and back, false for another word. */
const char *key_scope_name(enum key_scope scope);
bool key_scope_parse(const char *name, enum key_scope *ret);

/* Reads home/keys.json, which may be missing; makes nothing. ERROR_IO, saying what to do, when it
 * cannot be read, is damaged, or can be written by other users. The caller frees *ret. */
int keys_open(const char *home, struct keys **ret, struct error *err);
/* The same in the store at store_url (capsule_store_open), one that servers share. What others do
 * there is seen when keys_poll is called, and before each change. */
int keys_open_shared(const char *store_url, struct keys **ret, struct error *err);
/* Where these settings say that they are: in the store if it is shared, else in home. */
struct config;
int keys_open_configured(const struct config *config, const char *home, struct keys **ret,
                         struct error *err);
void keys_free(struct keys *keys); /* NULL is fine */

/* Looks at what others have changed in a shared store; of a file nothing is to be done. Afterwards
 * what was known before stays in use, if the store cannot be reached. */
int keys_poll(struct keys *keys, struct error *err);

/* All below may be called from any thread, while other processes change the file: they read it
 * again when it was replaced. A damaged file is an error of theirs too, and is not written over. */

/* 1 and *ret when presented is a key that may be used; 0 when it is not one, is unknown, or was
 * revoked. How long it takes does not depend on how much of it is right. A negative code when the
 * file cannot be read now: then nobody is let in. */
int keys_find(struct keys *keys, const char *presented, struct key *ret, struct error *err);

/* 1 when there is a key that may be used, else 0; or a negative code. */
int keys_any(struct keys *keys, struct error *err);

/* Makes a key. text is all that will ever be known of it: show it, then forget it. ERROR_USAGE for
 * a name that is none. Makes home if need be. */
int keys_add(struct keys *keys, const char *name, enum key_scope scope, struct key *ret,
             char text[KEY_TEXT_SIZE], struct error *err);

/* The same with a text that was made elsewhere, of the same form; it is not kept either. 1 when
 * that key is there already, under whatever name, and is left as it is; revoked_at of *ret says
 * whether it may be used. ERROR_USAGE for a text that is none. */
int keys_add_given(struct keys *keys, const char *name, enum key_scope scope, const char *text,
                   struct key_entry *ret, struct error *err);

/* From now on the key is not found. 0; 1 when it was revoked before; ERROR_USAGE when there is no
 * such key. */
int keys_revoke(struct keys *keys, const char *id, struct error *err);

/* Calls each for every key in the order of their making, the revoked ones too; a negative code of
 * it ends the list and is returned. It must not call these functions. */
int keys_list(struct keys *keys,
              int (*each)(const struct key_entry *entry, void *data, struct error *err), void *data,
              struct error *err);

#endif
