/* support: 90 days of tickets. When each came in, how long it took, who is still waiting. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "dataset/generators.h"
#include "dataset/random.h"

#include <string.h>

#define DAYS 90
#define TICKETS 6417
#define OPEN 1283  /* 20 % */
#define CLOSED 321 /* 5 %; the other 4,813 are resolved */
#define DONE (TICKETS - OPEN)
#define UNRATED (DONE * 2 / 5)
#define FIRST_TICKET 5001
#define FIRST_AGENT 101
#define AGENTS 20

enum category { TECHNICAL, BILLING, ACCOUNT, PRODUCT, CATEGORIES };
enum priority { LOW, MEDIUM, HIGH, CRITICAL, PRIORITIES };
enum channel { EMAIL, CHAT, PHONE, CHANNELS };
enum status { STATUS_OPEN, STATUS_RESOLVED, STATUS_CLOSED };

static const struct {
        const char *name;
        uint32_t share;           /* percent on an ordinary day */
        uint32_t share_month_end; /* and in the last days of a month */
        int slowness;             /* percent of the usual resolution time */
        uint32_t scores[5];       /* weights of 1 to 5 stars */
} categories[CATEGORIES] = {
        [TECHNICAL] = {"Technical", 41, 32, 100, {12, 18, 21, 33, 16}},
        [BILLING] = {"Billing", 23, 40, 75, {11, 15, 20, 35, 19}},
        [ACCOUNT] = {"Account", 21, 16, 55, {6, 10, 18, 38, 28}},
        [PRODUCT] = {"Product", 15, 12, 90, {8, 14, 20, 36, 22}},
};

static const struct {
        const char *name;
        uint32_t share;   /* percent */
        int target_hours; /* to be resolved within */
        uint32_t met;     /* percent that are */
} priorities[PRIORITIES] = {
        [LOW] = {"Low", 50, 72, 95},
        [MEDIUM] = {"Medium", 30, 24, 90},
        [HIGH] = {"High", 15, 8, 80},
        [CRITICAL] = {"Critical", 5, 4, 70},
};

static const struct {
        const char *name;
        uint32_t share; /* percent */
} channels[CHANNELS] = {[EMAIL] = {"Email", 50}, [CHAT] = {"Chat", 35}, [PHONE] = {"Phone", 15}};

/* How busy an hour is (UTC), and a day, Sunday first. */
static const uint32_t hours[24] = {4,  3,  2,  2,  3,  5,  12, 30, 60, 90, 95, 90,
                                   70, 80, 90, 85, 75, 55, 30, 20, 15, 12, 8,  5};
static const uint32_t weekdays[7] = {35, 112, 104, 102, 100, 96, 42};

struct ticket {
        int64_t created; /* seconds since 1970-01-01 */
        int minutes;     /* until it was resolved, or would be */
        enum category category;
        enum priority priority;
        enum channel channel;
        enum status status;
        int score; /* 0: none */
        int agent;
};

struct desk {
        struct random random;
        uint32_t busy[DAYS * 24];
        struct ticket tickets[TICKETS];
        uint32_t order[TICKETS];
};

static void busy_make(struct desk *desk)
{
        for (int d = 0; d < DAYS; d++) {
                int weekday = weekday_of(GENERATE_AS_OF_DAY - DAYS + d);
                uint32_t jitter = (uint32_t)random_range(&desk->random, 90, 110);
                for (int h = 0; h < 24; h++) {
                        uint32_t monday_morning = weekday == 1 && h >= 7 && h < 12 ? 150 : 100;
                        desk->busy[d * 24 + h] =
                                weekdays[weekday] * jitter * hours[h] * monday_morning / 1000;
                }
        }
}

static int ticket_compare(const void *a, const void *b)
{
        const struct ticket *p = a;
        const struct ticket *q = b;
        return (p->created > q->created) - (p->created < q->created);
}

/* Draws the hour of each ticket, then its second within the hour; numbers go by time. */
static void times_make(struct desk *desk)
{
        int64_t start = GENERATE_AS_OF_S - (int64_t)DAYS * DAY_S;
        for (int i = 0; i < TICKETS; i++) {
                size_t hour = random_pick(&desk->random, desk->busy, ARRAY_SIZE(desk->busy));
                desk->tickets[i].created =
                        start + (int64_t)hour * HOUR_S + random_range(&desk->random, 0, HOUR_S - 1);
        }
        qsort(desk->tickets, TICKETS, sizeof(*desk->tickets), ticket_compare);
}

static bool is_month_end(int64_t days)
{
        int year;
        int month;
        int day;
        clock_civil_from_days(days + 3, &year, &month, &day);
        return day <= 3;
}

static bool is_weekend(int64_t days)
{
        int weekday = weekday_of(days);
        return weekday == 0 || weekday == 6;
}

static enum category category_draw(struct random *random, int64_t day)
{
        uint32_t weights[CATEGORIES];
        for (int c = 0; c < CATEGORIES; c++)
                weights[c] =
                        is_month_end(day) ? categories[c].share_month_end : categories[c].share;
        return (enum category)random_pick(random, weights, CATEGORIES);
}

static enum priority priority_draw(struct random *random)
{
        uint32_t weights[PRIORITIES];
        for (int p = 0; p < PRIORITIES; p++)
                weights[p] = priorities[p].share;
        return (enum priority)random_pick(random, weights, PRIORITIES);
}

static enum channel channel_draw(struct random *random)
{
        uint32_t weights[CHANNELS];
        for (int c = 0; c < CHANNELS; c++)
                weights[c] = channels[c].share;
        return (enum channel)random_pick(random, weights, CHANNELS);
}

/* Weekends are slower: more of the allowed time is used, and more often it does not suffice. */
static int minutes_draw(struct random *random, const struct ticket *ticket)
{
        bool weekend = is_weekend(ticket->created / DAY_S);
        int target = priorities[ticket->priority].target_hours * 60;
        uint32_t met = priorities[ticket->priority].met;
        if (!random_chance(random, weekend ? met - 5 : met, 100))
                return target + 1 + random_middle(random, 0, target * 3 / 2);
        int low = weekend ? 15 : 5;
        int high = weekend ? 95 : 80;
        int permille = random_middle(random, low * 10, high * 10);
        int minutes =
                (int)((int64_t)target * permille * categories[ticket->category].slowness / 100000);
        return minutes > 0 ? minutes : 1;
}

static void tickets_make(struct desk *desk)
{
        for (int i = 0; i < TICKETS; i++) {
                struct ticket *ticket = &desk->tickets[i];
                ticket->category = category_draw(&desk->random, ticket->created / DAY_S);
                ticket->priority = priority_draw(&desk->random);
                ticket->channel = channel_draw(&desk->random);
                ticket->minutes = minutes_draw(&desk->random, ticket);
                ticket->agent = FIRST_AGENT + (int)random_below(&desk->random, AGENTS);
                ticket->status = STATUS_RESOLVED;
        }
}

static int64_t resolved_at(const struct ticket *ticket)
{
        return ticket->created + (int64_t)ticket->minutes * 60;
}

/* What is not done by as_of is open; of the others the younger are likelier to be. */
static void open_make(struct desk *desk)
{
        int open = 0;
        for (int i = 0; i < TICKETS; i++) {
                if (resolved_at(&desk->tickets[i]) <= GENERATE_AS_OF_S)
                        continue;
                desk->tickets[i].status = STATUS_OPEN;
                open++;
        }
        random_order(&desk->random, desk->order, TICKETS);
        for (uint32_t i = 0; open < OPEN; i = (i + 1) % TICKETS) {
                struct ticket *ticket = &desk->tickets[desk->order[i]];
                int64_t age_days = (GENERATE_AS_OF_S - ticket->created) / DAY_S;
                uint32_t percent = age_days < 7 ? 40 : age_days < 30 ? 25 : 12;
                if (ticket->status == STATUS_OPEN || !random_chance(&desk->random, percent, 100))
                        continue;
                ticket->status = STATUS_OPEN;
                open++;
        }
}

/* A ticket is closed when it has been resolved for two weeks; not all are. */
static void closed_make(struct desk *desk)
{
        random_order(&desk->random, desk->order, TICKETS);
        int closed = 0;
        for (uint32_t i = 0; i < TICKETS && closed < CLOSED; i++) {
                struct ticket *ticket = &desk->tickets[desk->order[i]];
                if (ticket->status != STATUS_RESOLVED ||
                    resolved_at(ticket) > GENERATE_AS_OF_S - 14 * DAY_S)
                        continue;
                ticket->status = STATUS_CLOSED;
                closed++;
        }
}

/* Of the tickets that are done, three fifths are rated. */
static void scores_make(struct desk *desk)
{
        random_order(&desk->random, desk->order, TICKETS);
        int unrated = 0;
        for (uint32_t i = 0; i < TICKETS; i++) {
                struct ticket *ticket = &desk->tickets[desk->order[i]];
                if (ticket->status == STATUS_OPEN || unrated++ < UNRATED)
                        continue;
                ticket->score =
                        1 + (int)random_pick(&desk->random, categories[ticket->category].scores, 5);
        }
}

static void ticket_write(const struct ticket *ticket, struct csv_out *csv)
{
        static const char *const statuses[] = {"Open", "Resolved", "Closed"};
        bool open = ticket->status == STATUS_OPEN;
        csv_out_time(csv, ticket->created);
        if (open)
                csv_out_null(csv);
        else
                csv_out_time(csv, resolved_at(ticket));
        csv_out_text(csv, categories[ticket->category].name);
        csv_out_text(csv, priorities[ticket->priority].name);
        if (ticket->score)
                csv_out_int(csv, ticket->score);
        else
                csv_out_null(csv);
        if (open) {
                csv_out_null(csv);
                csv_out_null(csv);
        } else {
                csv_out_bool(csv,
                             ticket->minutes <= priorities[ticket->priority].target_hours * 60);
                csv_out_fixed(csv, (ticket->minutes * 100 + 30) / 60, 2);
        }
        csv_out_text(csv, statuses[ticket->status]);
        csv_out_int(csv, ticket->agent);
        csv_out_text(csv, channels[ticket->channel].name);
        csv_out_end(csv);
}

int generate_support(struct csv_out *tables, struct error *err)
{
        _cleanup_free_ struct desk *desk = alloc_calloc(1, sizeof(*desk));
        if (!desk)
                return error_oom(err);
        random_init(&desk->random, 20260131, 2);
        busy_make(desk);
        times_make(desk);
        tickets_make(desk);
        open_make(desk);
        closed_make(desk);
        scores_make(desk);
        csv_out_init(&tables[0], "ticket_id,created_at,resolved_at,category,priority,csat_score,"
                                 "sla_met,resolution_time_hours,status,agent_id,channel");
        for (int i = 0; i < TICKETS; i++) {
                csv_out_int(&tables[0], FIRST_TICKET + i);
                ticket_write(&desk->tickets[i], &tables[0]);
        }
        return 0;
}
