/* The generators behind generate.h; for src/dataset/ only. */
#ifndef ASKCSV_DATASET_GENERATORS_H
#define ASKCSV_DATASET_GENERATORS_H

#include "dataset/csv_out.h"
#include "dataset/schema.h"

#include <stddef.h>
#include <stdint.h>

#define DAY_S 86400
#define HOUR_S 3600

/* 2026-01-31 00:00:00 UTC: no row is later. */
#define GENERATE_AS_OF_DAY INT64_C(20484) /* days since 1970-01-01 */
#define GENERATE_AS_OF_S (GENERATE_AS_OF_DAY * DAY_S)

/* 0 is Sunday; 1970-01-01 was a Thursday. */
static inline int weekday_of(int64_t days)
{
        return (int)((days + 4) % 7);
}

/* Each writes its tables into tables[], which its dispatcher has zeroed, in the order of names in
 * generate.c, and returns 0 or a negative code. The caller releases the tables either way. */
int generate_ecommerce(struct csv_out *tables, struct error *err);
int generate_support(struct csv_out *tables, struct error *err);
int generate_sensors(struct csv_out *tables, struct error *err);

#endif
