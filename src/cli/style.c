#include "cli/style.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 20
#define WIDTH_MAX 10000

bool style_set_locale(void)
{
        bool utf8 = setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
        if (!utf8)
                (void)setlocale(LC_CTYPE, "C.UTF-8");
        return utf8;
}

static size_t terminal_width(int fd)
{
        struct winsize size;
        const char *columns = getenv("COLUMNS");
        unsigned long width = WIDTH_DEFAULT;
        if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                width = size.ws_col;
        else if (columns)
                width = strtoul(columns, NULL, 10);
        return width < WIDTH_MIN || width > WIDTH_MAX ? WIDTH_DEFAULT : width;
}

void style_of_fd(int fd, bool unicode, struct style *ret)
{
        const char *no_color = getenv("NO_COLOR");
        const char *term = getenv("TERM");
        bool dumb = !term || !*term || strcmp(term, "dumb") == 0;
        *ret = (struct style){.terminal = isatty(fd) == 1, .unicode = unicode};
        ret->colour = ret->terminal && !dumb && !(no_color && *no_color);
        ret->width = ret->terminal ? terminal_width(fd) : 0;
}

const char *style_bold(const struct style *style)
{
        return style->colour ? "\033[1m" : "";
}

const char *style_dim(const struct style *style)
{
        return style->colour ? "\033[2m" : "";
}

const char *style_red(const struct style *style)
{
        return style->colour ? "\033[31m" : "";
}

const char *style_reset(const struct style *style)
{
        return style->colour ? "\033[0m" : "";
}
