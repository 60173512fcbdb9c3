#include "dataset/csv_out.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>

void csv_out_init(struct csv_out *csv, const char *header)
{
        buf_init(&csv->text, CSV_OUT_BYTES_MAX);
        csv->started = false;
        buf_puts(&csv->text, header);
        buf_putc(&csv->text, '\n');
}

void csv_out_done(struct csv_out *csv)
{
        buf_done(&csv->text);
}

static void csv_out_start(struct csv_out *csv)
{
        if (csv->started)
                buf_putc(&csv->text, ',');
        csv->started = true;
}

void csv_out_null(struct csv_out *csv)
{
        csv_out_start(csv);
}

void csv_out_int(struct csv_out *csv, int64_t value)
{
        csv_out_start(csv);
        buf_printf(&csv->text, "%" PRId64, value);
}

void csv_out_bool(struct csv_out *csv, bool value)
{
        csv_out_start(csv);
        buf_puts(&csv->text, value ? "true" : "false");
}

void csv_out_text(struct csv_out *csv, const char *text)
{
        csv_out_start(csv);
        if (*text && !text[strcspn(text, ",\"\r\n")]) {
                buf_puts(&csv->text, text);
                return;
        }
        buf_putc(&csv->text, '"'); /* "" is an empty text, nothing at all is NULL */
        for (; *text; text++) {
                if (*text == '"')
                        buf_putc(&csv->text, '"');
                buf_putc(&csv->text, *text);
        }
        buf_putc(&csv->text, '"');
}

void csv_out_fixed(struct csv_out *csv, int64_t value, int decimals)
{
        int64_t unit = 1;
        for (int i = 0; i < decimals; i++)
                unit *= 10;
        int64_t size = value < 0 ? -value : value;
        csv_out_start(csv);
        buf_printf(&csv->text, "%s%" PRId64 ".%0*" PRId64, value < 0 ? "-" : "", size / unit,
                   decimals, size % unit);
}

void csv_out_date(struct csv_out *csv, int64_t days)
{
        int year;
        int month;
        int day;
        clock_civil_from_days(days, &year, &month, &day);
        csv_out_start(csv);
        buf_printf(&csv->text, "%04d-%02d-%02d", year, month, day);
}

void csv_out_time(struct csv_out *csv, int64_t utc_s)
{
        int64_t days = utc_s / 86400 - (utc_s % 86400 < 0);
        int64_t second = utc_s - days * 86400;
        csv_out_date(csv, days);
        buf_printf(&csv->text, " %02" PRId64 ":%02" PRId64 ":%02" PRId64, second / 3600,
                   second / 60 % 60, second % 60);
}

void csv_out_end(struct csv_out *csv)
{
        buf_putc(&csv->text, '\n');
        csv->started = false;
}
