/* sensors: 150 sensors, a reading about every 130 minutes for 30 days. Temperatures and humidity
 * are in hundredths, pressure in hundredths of a hPa, vibration in thousandths of a mm/s. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "dataset/generators.h"
#include "dataset/random.h"

#include <stdio.h>
#include <string.h>

#define DAYS 30
#define SENSORS 150
#define READINGS 333
#define INTERVAL_S 7780 /* 333 of them, a start of up to one and the jitter end before as_of */
#define JITTER_S 30
#define LOCATIONS 10
#define MAINS 90 /* of the sensors: 60 % */

enum place { WAREHOUSE, FACTORY, OUTDOOR };
enum status { ONLINE, OFFLINE, MAINTENANCE };
enum anomaly { NONE, HIGH_TEMP, LOW_TEMP, HIGH_HUMIDITY, SENSOR_FAULT, VIBRATION_ALARM, ANOMALIES };

static const struct location {
        const char *name;
        const char *zone;
        enum place place;
        int temperature; /* usual */
        int humidity;
        uint32_t industrial; /* of its SENSORS / LOCATIONS sensors */
} locations[LOCATIONS] = {
        {"Warehouse-A", "North", WAREHOUSE, 1550, 5200, 5},
        {"Warehouse-B", "South", WAREHOUSE, 1720, 5000, 5},
        {"Warehouse-C", "East", WAREHOUSE, 1630, 5500, 5},
        {"Factory-Floor-1", "West", FACTORY, 2350, 4200, 15},
        {"Factory-Floor-2", "North", FACTORY, 2480, 4000, 15},
        {"Factory-Floor-3", "South", FACTORY, 2260, 4400, 15},
        {"Outdoor-North", "North", OUTDOOR, 310, 7400, 0},
        {"Outdoor-South", "South", OUTDOOR, 520, 7000, 0},
        {"Outdoor-East", "East", OUTDOOR, 390, 7200, 0},
        {"Outdoor-West", "West", OUTDOOR, 450, 7600, 0},
};

/* Where in the evening of the last day a machine begins to fail. */
#define FAILING_LOCATION 4
#define FAILING_S (GENERATE_AS_OF_S - 6 * HOUR_S)

/* How far an outdoor temperature is from the day's mean at each full hour (UTC). */
static const int daily[24] = {-230, -280, -320, -360, -390, -410, -420, -380,
                              -260, -80,  120,  300,  430,  500,  520,  480,
                              380,  250,  120,  20,   -50,  -100, -150, -190};

struct sensor {
        const struct location *location;
        bool industrial;
        bool mains;
        int battery_start; /* hundredths of a percent */
        int battery_daily; /* what a day costs of it */
        int start_s;       /* of the first reading, after the first midnight */
        int offset;        /* of its temperature, as it was mounted */
        int vibration;     /* usual */
        enum status status;
        int status_left; /* readings until it is online again */
};

struct reading {
        int64_t time; /* seconds since 1970-01-01 */
        uint32_t sensor;
        enum status status;
        enum anomaly anomaly;
        int temperature;
        int humidity;
        int pressure;
        int vibration;
        int battery; /* percent */
};

struct site {
        struct random random;
        struct sensor sensors[SENSORS];
        int weather[DAYS + 1]; /* the outdoor temperature's difference from usual, per midnight */
        int pressure[DAYS + 1];
        struct reading readings[SENSORS * READINGS];
};

static int clamp(int value, int low, int high)
{
        return value < low ? low : value > high ? high : value;
}

static void weather_make(struct site *site)
{
        int weather = 0;
        int pressure = 101300;
        for (int d = 0; d <= DAYS; d++) {
                weather =
                        clamp(weather * 3 / 4 + random_range(&site->random, -200, 200), -600, 600);
                pressure = clamp(pressure + random_range(&site->random, -900, 900), 99000, 103200);
                site->weather[d] = weather;
                site->pressure[d] = pressure;
        }
}

static void sensors_make(struct site *site)
{
        struct random *random = &site->random;
        uint32_t order[SENSORS];
        uint32_t power[SENSORS];
        random_order(random, order, SENSORS);
        random_order(random, power, SENSORS);
        for (uint32_t i = 0; i < SENSORS; i++) {
                struct sensor *sensor = &site->sensors[order[i]];
                uint32_t within = i / LOCATIONS; /* the how-manieth of its location */
                sensor->location = &locations[i % LOCATIONS];
                sensor->industrial = within < sensor->location->industrial;
                sensor->mains = power[i] < MAINS;
                sensor->battery_start = random_range(random, 3600, 9500);
                sensor->battery_daily = random_range(random, 85, 115);
                sensor->start_s = random_range(random, 0, INTERVAL_S - 1);
                sensor->offset = random_range(random, -60, 60);
                sensor->vibration = random_range(random, 1500, 6500);
        }
}

/* The value at a moment between two midnights, or two full hours, on a straight line. */
static int between(int from, int to, int at_s, int length_s)
{
        return from + (int)((int64_t)(to - from) * at_s / length_s);
}

static int daily_at(int second_of_day)
{
        int hour = second_of_day / HOUR_S;
        return between(daily[hour], daily[(hour + 1) % 24], second_of_day % HOUR_S, HOUR_S);
}

static bool is_night(int64_t time)
{
        int64_t hour = time % DAY_S / HOUR_S;
        return hour >= 22 || hour < 6;
}

/* Sensors fall out, and are worked on, for some readings in a row. */
static void status_step(struct random *random, struct sensor *sensor)
{
        if (sensor->status_left > 0) {
                sensor->status_left--;
                return;
        }
        sensor->status = ONLINE;
        if (!random_chance(random, 37, 1000))
                return;
        sensor->status = random_chance(random, 1, 2) ? OFFLINE : MAINTENANCE;
        sensor->status_left = random_range(random, 0, 4);
}

/* Most have none; at night factory floors have three times as many as by day. */
static enum anomaly anomaly_draw(struct random *random, const struct sensor *sensor, int64_t time)
{
        static const uint32_t industrial[] = {0, 41, 20, 15, 15, 18};
        static const uint32_t other[] = {0, 40, 20, 15, 15, 0};
        const uint32_t *weights = sensor->industrial ? industrial : other;
        bool factory = sensor->location->place == FACTORY;
        if (sensor->location == &locations[FAILING_LOCATION] && time >= FAILING_S &&
            random_chance(random, 1, 2))
                return VIBRATION_ALARM;
        if (!random_chance(random, factory && is_night(time) ? 780 : 260, 10000))
                return NONE;
        return (enum anomaly)random_pick(random, weights, ANOMALIES);
}

static void climate_make(struct site *site, const struct sensor *sensor, struct reading *reading)
{
        struct random *random = &site->random;
        int64_t since = reading->time - (GENERATE_AS_OF_S - (int64_t)DAYS * DAY_S);
        int day = (int)(since / DAY_S);
        int second = (int)(since % DAY_S);
        int share = sensor->location->place == OUTDOOR ? 100 : 15; /* of the weather, percent */
        int weather = between(site->weather[day], site->weather[day + 1], second, DAY_S);
        int moved = (weather + daily_at(second)) * share / 100;
        int noise = random_middle(random, -80, 80);
        reading->temperature = sensor->location->temperature + sensor->offset + moved + noise;
        reading->humidity = sensor->location->humidity - moved * 2 - noise;
        reading->humidity += random_middle(random, -400, 400);
        reading->humidity = clamp(reading->humidity, 500, 9600);
        reading->pressure = between(site->pressure[day], site->pressure[day + 1], second, DAY_S);
        reading->pressure += random_middle(random, -60, 60);
        reading->vibration = sensor->vibration + random_middle(random, -1400, 1400);
        if (random_chance(random, 1, 100)) /* a lorry, a dropped tool */
                reading->vibration += random_range(random, 4000, 11000);
}

/* Bends a usual reading into what its anomaly says. */
static void anomaly_apply(struct random *random, struct reading *reading)
{
        switch (reading->anomaly) {
        case HIGH_TEMP:
                reading->temperature += random_range(random, 1500, 3000);
                break;
        case LOW_TEMP:
                reading->temperature -= random_range(random, 1200, 2200);
                break;
        case HIGH_HUMIDITY:
                reading->humidity = random_range(random, 9650, 10000);
                break;
        case SENSOR_FAULT: /* what a broken thermometer and hygrometer say */
                reading->temperature = 8500;
                reading->humidity = 0;
                break;
        case VIBRATION_ALARM:
                reading->vibration = random_range(random, 15500, 28000);
                break;
        case NONE:
        case ANOMALIES:
        default:
                break;
        }
}

static void reading_make(struct site *site, uint32_t index, int number, struct reading *reading)
{
        struct sensor *sensor = &site->sensors[index];
        int64_t since = sensor->start_s + (int64_t)number * INTERVAL_S +
                        random_range(&site->random, 0, JITTER_S);
        reading->sensor = index;
        reading->time = GENERATE_AS_OF_S - (int64_t)DAYS * DAY_S + since;
        status_step(&site->random, sensor);
        reading->status = sensor->status;
        int64_t battery = sensor->battery_start - since * sensor->battery_daily / DAY_S;
        reading->battery = (int)(battery / 100);
        if (reading->status == OFFLINE)
                return;
        climate_make(site, sensor, reading);
        reading->anomaly = anomaly_draw(&site->random, sensor, reading->time);
        anomaly_apply(&site->random, reading);
}

static int reading_compare(const void *a, const void *b)
{
        const struct reading *p = a;
        const struct reading *q = b;
        if (p->time != q->time)
                return p->time < q->time ? -1 : 1;
        return p->sensor < q->sensor ? -1 : 1;
}

static void measure_write(struct csv_out *csv, bool known, int value, int decimals)
{
        if (known)
                csv_out_fixed(csv, value, decimals);
        else
                csv_out_null(csv);
}

static void reading_write(const struct site *site, const struct reading *reading,
                          struct csv_out *csv)
{
        static const char *const statuses[] = {"online", "offline", "maintenance"};
        static const char *const anomalies[] = {
                NULL, "high_temp", "low_temp", "high_humidity", "sensor_fault", "vibration_alarm"};
        const struct sensor *sensor = &site->sensors[reading->sensor];
        bool on = reading->status != OFFLINE;
        char id[16];
        (void)snprintf(id, sizeof(id), "SEN-%03u", reading->sensor + 1);
        csv_out_text(csv, id);
        csv_out_time(csv, reading->time);
        csv_out_text(csv, sensor->location->name);
        csv_out_text(csv, sensor->location->zone);
        measure_write(csv, on, reading->temperature, 2);
        measure_write(csv, on, reading->humidity, 2);
        measure_write(csv, on, reading->pressure, 2);
        measure_write(csv, on && sensor->industrial, reading->vibration, 3);
        csv_out_bool(csv, reading->anomaly != NONE);
        if (reading->anomaly == NONE)
                csv_out_null(csv);
        else
                csv_out_text(csv, anomalies[reading->anomaly]);
        if (sensor->mains)
                csv_out_null(csv);
        else
                csv_out_int(csv, reading->battery);
        csv_out_text(csv, statuses[reading->status]);
        csv_out_end(csv);
}

int generate_sensors(struct csv_out *tables, struct error *err)
{
        _cleanup_free_ struct site *site = alloc_calloc(1, sizeof(*site));
        if (!site)
                return error_oom(err);
        random_init(&site->random, 20260131, 3);
        weather_make(site);
        sensors_make(site);
        struct reading *reading = site->readings;
        for (uint32_t i = 0; i < SENSORS; i++)
                for (int k = 0; k < READINGS; k++)
                        reading_make(site, i, k, reading++);
        qsort(site->readings, ARRAY_SIZE(site->readings), sizeof(*reading), reading_compare);
        csv_out_init(&tables[0], "sensor_id,timestamp,location,zone,temperature_c,humidity_pct,"
                                 "pressure_hpa,vibration_mm_s,anomaly_flag,anomaly_type,"
                                 "battery_pct,status");
        for (size_t i = 0; i < ARRAY_SIZE(site->readings); i++)
                reading_write(site, &site->readings[i], &tables[0]);
        return 0;
}
