/* The datasets that the plan tests are checked against: the three that ship, as far as plans
 * care, and "odd", whose names, types and relationships are as awkward as they may be. */
#ifndef ASKCSV_TEST_PLAN_FIXTURE_H
#define ASKCSV_TEST_PLAN_FIXTURE_H

#include "base/cleanup.h"
#include "dataset/schema.h"

#include <string.h>

#define FIXTURE_AS_OF 1769817600 /* 2026-01-31T00:00:00Z */

#define INT(n)                                                                                     \
        {                                                                                          \
                .name = (n), .type = "INTEGER", .kind = COLUMN_INTEGER                             \
        }
#define BIG(n)                                                                                     \
        {                                                                                          \
                .name = (n), .type = "BIGINT", .kind = COLUMN_INTEGER                              \
        }
#define DEC(n, t)                                                                                  \
        {                                                                                          \
                .name = (n), .type = (t), .kind = COLUMN_DECIMAL                                   \
        }
#define DBL(n)                                                                                     \
        {                                                                                          \
                .name = (n), .type = "DOUBLE", .kind = COLUMN_FLOAT                                \
        }
#define TXT(n)                                                                                     \
        {                                                                                          \
                .name = (n), .type = "VARCHAR", .kind = COLUMN_TEXT                                \
        }
#define YES(n)                                                                                     \
        {                                                                                          \
                .name = (n), .type = "BOOLEAN", .kind = COLUMN_BOOLEAN                             \
        }
#define DAY(n)                                                                                     \
        {                                                                                          \
                .name = (n), .type = "DATE", .kind = COLUMN_DATE                                   \
        }
#define TSP(n, t)                                                                                  \
        {                                                                                          \
                .name = (n), .type = (t), .kind = COLUMN_TIMESTAMP                                 \
        }
#define TAB(n, c)                                                                                  \
        {                                                                                          \
                .name = (n), .path = n ".csv", .format = "csv", .columns = (c),                    \
                .n_columns = ARRAY_SIZE(c)                                                         \
        }

static const struct column orders_columns[] = {INT("order_id"),   INT("customer_id"),
                                               DAY("order_date"), DEC("total", "DECIMAL(10,2)"),
                                               TXT("status"),     YES("returned")};
static const struct column order_items_columns[] = {
        INT("item_id"),  INT("order_id"), INT("product_id"),
        TXT("category"), INT("quantity"), DEC("price", "DECIMAL(10,2)"),
        INT("discount")};
static const struct column inventory_columns[] = {INT("product_id"), TXT("name"), TXT("category"),
                                                  INT("stock")};
static struct table ecommerce_tables[] = {TAB("orders", orders_columns),
                                          TAB("order_items", order_items_columns),
                                          TAB("inventory", inventory_columns)};
static const struct relationship ecommerce_relationships[] = {{1, 1, 0, 0}, {1, 2, 2, 0}};

static const struct column tickets_columns[] = {INT("ticket_id"),
                                                TSP("created_at", "TIMESTAMP"),
                                                TSP("resolved_at", "TIMESTAMP"),
                                                TXT("category"),
                                                TXT("priority"),
                                                INT("csat_score"),
                                                YES("sla_met"),
                                                DEC("resolution_time_hours", "DECIMAL(8,2)"),
                                                TXT("status"),
                                                INT("agent_id"),
                                                TXT("channel")};
static struct table support_tables[] = {TAB("tickets", tickets_columns)};

static const struct column sensors_columns[] = {TXT("sensor_id"),
                                                TSP("timestamp", "TIMESTAMP"),
                                                TXT("location"),
                                                TXT("zone"),
                                                DEC("temperature_c", "DECIMAL(5,2)"),
                                                DEC("humidity_pct", "DECIMAL(5,2)"),
                                                DEC("pressure_hpa", "DECIMAL(6,2)"),
                                                DEC("vibration_mm_s", "DECIMAL(6,3)"),
                                                YES("anomaly_flag"),
                                                TXT("anomaly_type"),
                                                INT("battery_pct"),
                                                TXT("status")};
static struct table sensors_tables[] = {TAB("sensors", sensors_columns)};

static const struct column people_columns[] = {
        BIG("id"),
        TXT("full name"),
        TXT("say \"hi\""),
        DBL("gr\xC3\xB6\xC3\x9F"
            "e"),
        INT("a.b"),
        DAY("born"),
        TSP("seen", "TIMESTAMP"),
        TSP("seen_tz", "TIMESTAMP WITH TIME ZONE"),
        {.name = "wakes", .type = "TIME", .kind = COLUMN_TIME},
        YES("active"),
        {.name = "tags", .type = "VARCHAR[]", .kind = COLUMN_OTHER},
        BIG("boss_id"),
        BIG("home_id"),
        BIG("work_id"),
        INT("select")};
static const struct column places_columns[] = {BIG("id"), TXT("city"), BIG("country_id")};
static const struct column countries_columns[] = {BIG("id"), TXT("name"), DBL("area")};
static const struct column calls_columns[] = {BIG("id"), BIG("person_id"), INT("seconds"),
                                              TSP("at", "TIMESTAMP")};
static const struct column visits_columns[] = {BIG("id"), BIG("person_id"),
                                               DEC("cost", "DECIMAL(10,2)")};
static const struct column island_columns[] = {BIG("id"), TXT("palm")};
static const struct column wide_columns[] = {
        INT("c01"), INT("c02"), INT("c03"), INT("c04"), INT("c05"), INT("c06"), INT("c07"),
        INT("c08"), INT("c09"), INT("c10"), INT("c11"), INT("c12"), INT("c13"), INT("c14"),
        INT("c15"), INT("c16"), INT("c17"), INT("c18"), INT("c19"), INT("c20"), INT("c21")};
static struct table odd_tables[] = {TAB("people", people_columns),
                                    TAB("places", places_columns),
                                    TAB("countries", countries_columns),
                                    TAB("calls", calls_columns),
                                    TAB("visits", visits_columns),
                                    TAB("island", island_columns),
                                    TAB("wide", wide_columns)};
static const struct relationship odd_relationships[] = {
        {0, 12, 1, 0}, /* people.home_id -> places.id */
        {0, 13, 1, 0}, /* people.work_id -> places.id */
        {1, 2, 2, 0},  /* places.country_id -> countries.id */
        {3, 1, 0, 0},  /* calls.person_id -> people.id */
        {4, 1, 0, 0},  /* visits.person_id -> people.id */
        {0, 11, 0, 0}, /* people.boss_id -> people.id */
};

static const struct dataset fixture_datasets[] = {
        {.id = "ecommerce",
         .name = "ecommerce",
         .tables = ecommerce_tables,
         .n_tables = ARRAY_SIZE(ecommerce_tables),
         .relationships = ecommerce_relationships,
         .n_relationships = ARRAY_SIZE(ecommerce_relationships)},
        {.id = "support",
         .name = "support",
         .tables = support_tables,
         .n_tables = ARRAY_SIZE(support_tables)},
        {.id = "sensors",
         .name = "sensors",
         .tables = sensors_tables,
         .n_tables = ARRAY_SIZE(sensors_tables)},
        {.id = "odd",
         .name = "odd",
         .tables = odd_tables,
         .n_tables = ARRAY_SIZE(odd_tables),
         .relationships = odd_relationships,
         .n_relationships = ARRAY_SIZE(odd_relationships)},
};

/* The fixture of that id; ecommerce when there is none. */
static inline const struct dataset *fixture_find(const char *id)
{
        for (size_t i = 0; i < ARRAY_SIZE(fixture_datasets); i++)
                if (strcmp(fixture_datasets[i].id, id) == 0)
                        return &fixture_datasets[i];
        return &fixture_datasets[0];
}

#endif
