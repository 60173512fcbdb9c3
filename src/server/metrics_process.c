#include "server/metrics_table.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <dirent.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* proc_pid_stat(5): the 22nd field is the start in ticks after boot. The second is a name in
 * brackets, which may hold blanks and brackets itself. */
static double start_after_boot_s(void)
{
        char line[1024];
        unsigned long long ticks;
        _cleanup_fclose_ FILE *file = fopen("/proc/self/stat", "re");
        size_t n = file ? fread(line, 1, sizeof(line) - 1, file) : 0;
        line[n] = '\0';
        const char *at = strrchr(line, ')');
        if (!at || sscanf(at + 1,
                          " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
                          "%*d %*d %*d %*d %llu",
                          &ticks) != 1)
                return NAN;
        return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

double process_start_time_s(void)
{
        struct timespec now;
        if (clock_gettime(CLOCK_BOOTTIME, &now) < 0)
                return NAN;
        double since_boot = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
        return (double)clock_utc_ms() / 1e3 - since_boot + start_after_boot_s();
}

double process_resident_bytes(void *data)
{
        (void)data;
        unsigned long long pages;
        _cleanup_fclose_ FILE *file = fopen("/proc/self/statm", "re");
        if (!file || fscanf(file, "%*u %llu", &pages) != 1)
                return NAN;
        return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

double process_open_fds(void *data)
{
        (void)data;
        double n = 0;
        DIR *folder = opendir("/proc/self/fd");
        if (!folder)
                return NAN;
        for (const struct dirent *entry; (entry = readdir(folder));) /* each thread has its own */
                n += entry->d_name[0] != '.';
        (void)closedir(folder);
        return n - 1; /* without the one that was open to count them */
}
