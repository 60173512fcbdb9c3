/* What the place that is written to can show. */
#ifndef ASKCSV_CLI_STYLE_H
#define ASKCSV_CLI_STYLE_H

#include <stdbool.h>
#include <stddef.h>

struct style {
        bool terminal;
        bool colour;  /* a terminal, and NO_COLOR (no-color.org) and TERM=dumb do not object */
        bool unicode; /* its character set has the box drawing characters */
        size_t width; /* columns of the terminal */
};

/* Must have run once, before the others: character set of the user, wcwidth(3) for UTF-8. Returns
 * whether the user's character set is UTF-8. */
bool style_set_locale(void);

void style_of_fd(int fd, bool unicode, struct style *ret);

/* Escape sequences, or "" without colour. */
const char *style_bold(const struct style *style);
const char *style_dim(const struct style *style);
const char *style_red(const struct style *style);
const char *style_reset(const struct style *style);

#endif
