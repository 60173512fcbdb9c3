/* The words of English that have a meaning of their own in a question. */
#include "planner/atom.h"

#include "base/cleanup.h"

#include <string.h>

struct entry {
        const char *text; /* folded words with blanks between */
        enum word word;   /* WORD_NONE: a light word */
        int arg;
};

static const struct entry entries[] = {
        {"the", WORD_NONE, 0}, {"our", WORD_NONE, 0}, {"my", WORD_NONE, 0},
        {"your", WORD_NONE, 0}, {"me", WORD_NONE, 0}, {"us", WORD_NONE, 0},
        {"please", WORD_NONE, 0}, {"there", WORD_NONE, 0}, {"this", WORD_NONE, 0},
        {"all", WORD_NONE, 0}, {"all the", WORD_NONE, 0}, {"all of", WORD_NONE, 0},
        {"we", WORD_NONE, 0}, {"you", WORD_NONE, 0}, {"i", WORD_NONE, 0}, {"he", WORD_NONE, 0},
        {"as", WORD_NONE, 0}, {"so far", WORD_NONE, 0}, {"ever", WORD_NONE, 0},
        {"overall", WORD_IN_TOTAL, 0}, {"in total", WORD_IN_TOTAL, 0},
        {"altogether", WORD_IN_TOTAL, 0}, {"all together", WORD_IN_TOTAL, 0},
        {"in sum", WORD_IN_TOTAL, 0},
        {"right now", WORD_NONE, 0}, {"now", WORD_NONE, 0},
        {"yet", WORD_NONE, 0}, {"still", WORD_NONE, 0}, {"currently", WORD_NONE, 0},
        {"at the moment", WORD_NONE, 0}, {"s", WORD_NONE, 0}, {"then", WORD_NONE, 0},
        {"be", WORD_IS, 0}, {"been", WORD_IS, 0}, {"it", WORD_NONE, 0}, {"they", WORD_NONE, 0},
        {"ended up", WORD_NONE, 1},
        {"end up", WORD_NONE, 1},
        {"ends up", WORD_NONE, 1},
        {"carry", WORD_NONE, 1},
        {"carried", WORD_NONE, 1},
        {"hold", WORD_NONE, 1},
        {"holds", WORD_NONE, 1},
        {"held", WORD_NONE, 1},
        {"sit", WORD_NONE, 1},
        {"sits", WORD_NONE, 1},
        {"sitting", WORD_NONE, 1},
        {"take", WORD_NONE, 1},
        {"takes", WORD_NONE, 1},
        {"took", WORD_NONE, 1},
        {"handle", WORD_NONE, 1},
        {"handled", WORD_NONE, 1},
        {"handles", WORD_NONE, 1},
        {"handling", WORD_NONE, 1},
        {"run", WORD_NONE, 1},
        {"runs", WORD_NONE, 1},
        {"ran", WORD_NONE, 1},
        {"monitored", WORD_NONE, 1},
        {"logged", WORD_NONE, 1},
        {"noted", WORD_NONE, 1},
        {"went out", WORD_NONE, 1},
        {"go out", WORD_NONE, 1},
        {"reach", WORD_NONE, 1},
        {"reached", WORD_NONE, 1},
        {"reaches", WORD_NONE, 1},
        {"appear", WORD_NONE, 1},
        {"appears", WORD_NONE, 1},
        {"appeared", WORD_NONE, 1},
        {"offer", WORD_NONE, 1},
        {"offered", WORD_NONE, 1},
        {"kept", WORD_NONE, 1},
        {"keep", WORD_NONE, 1},
        {"stored", WORD_NONE, 1},
        {"remain", WORD_NONE, 1},
        {"remained", WORD_NONE, 1},
        {"treated", WORD_NONE, 1},
        {"use", WORD_NONE, 1},
        {"uses", WORD_NONE, 1},
        {"gave", WORD_NONE, 1},
        {"gives", WORD_NONE, 1},
        {"fell", WORD_NONE, 1},
        {"fall", WORD_NONE, 1},
        {"fetched", WORD_NONE, 1},
        {"fetch a price", WORD_NONE, 1},
        {"went for", WORD_NONE, 1},
        {"go for", WORD_NONE, 1},
        {"single", WORD_NONE, 1},
        {"like to see", WORD_NONE, 1},
        {"month in month out", WORD_NONE, 1},
        {"either", WORD_NONE, 1},
        {"while", WORD_NONE, 1},
        {"as of", WORD_NONE, 1},
        {"carrying", WORD_NONE, 1},
        {"selling at", WORD_NONE, 1},
        {"is left", WORD_NONE, 1},
        {"are left", WORD_NONE, 1},
        {"was left", WORD_NONE, 1},
        {"being", WORD_NONE, 1},
        {"attached", WORD_NONE, 1},
        {"both", WORD_BOTH, 0}, {"actually", WORD_NONE, 1},
        {"really", WORD_NONE, 1},
        {"exactly which", WORD_NONE, 1},
        {"currently in", WORD_NONE, 1},
        {"at all", WORD_NONE, 1},
        {"so", WORD_NONE, 1},
        {"us", WORD_NONE, 1},
        {"each one", WORD_NONE, 1},
        {"that day", WORD_NONE, 1},
        {"anywhere", WORD_NONE, 1},
        {"somewhere", WORD_NONE, 1},
        {"ours", WORD_NONE, 1},
        {"respectively", WORD_NONE, 1},
        {"whole", WORD_NONE, 1},
        {"entire", WORD_NONE, 1},
        {"entirely", WORD_NONE, 1},
        {"simply", WORD_NONE, 1},
        {"kind of", WORD_NONE, 1},
        {"sort of", WORD_NONE, 1},
        {"per cent", WORD_NONE, 1},
        {"is there", WORD_NONE, 1},
        {"are there", WORD_NONE, 1},
        {"was there", WORD_NONE, 1},
        {"were there", WORD_NONE, 1},
        {"do we have", WORD_NONE, 1},
        {"did we have", WORD_NONE, 1},
        {"we have", WORD_NONE, 1},
        {"turned out", WORD_NONE, 1},
        {"turn out", WORD_NONE, 1},
        {"brought in", WORD_NONE, 1},
        {"bring in", WORD_NONE, 1},
        {"brought", WORD_NONE, 1},
        {"bring", WORD_NONE, 1},
        {"generated", WORD_NONE, 1},
        {"generate", WORD_NONE, 1},
        {"accounted for", WORD_NONE, 1},
        {"account for", WORD_NONE, 1},
        {"dealt with", WORD_NONE, 1},
        {"deal with", WORD_NONE, 1},
        {"worked on", WORD_NONE, 1},
        {"work on", WORD_NONE, 1},
        {"saw", WORD_NONE, 1},
        {"sees", WORD_NONE, 1},
        {"showing", WORD_NONE, 1},
        {"shown", WORD_NONE, 1},
        {"shows", WORD_NONE, 1},
        {"look like", WORD_NONE, 1},
        {"looks like", WORD_NONE, 1},
        {"covering", WORD_NONE, 1},
        {"covered", WORD_NONE, 1},
        {"existing", WORD_NONE, 1},
        {"present", WORD_NONE, 1},
        {"given out", WORD_NONE, 1},
        {"happening", WORD_NONE, 1},
        {"people have", WORD_NONE, 1},
        {"what kind of", WORD_NONE, 1},
        {"receive", WORD_NONE, 1}, {"receives", WORD_NONE, 1}, {"report", WORD_NONE, 1},
        {"reports", WORD_NONE, 1}, {"send", WORD_NONE, 1}, {"sent", WORD_NONE, 1},
        {"came out", WORD_NONE, 1}, {"come out", WORD_NONE, 1}, {"measure", WORD_NONE, 2},
        {"measures", WORD_NONE, 2}, {"ended", WORD_NONE, 2},
        {"said", WORD_NONE, 2}, {"left over", WORD_NONE, 1}, {"altogether", WORD_IN_TOTAL, 0},
        {"difference between", WORD_DIFFERENCE, 0}, {"gap between", WORD_DIFFERENCE, 0},
        {"the difference between", WORD_DIFFERENCE, 0}, {"difference of", WORD_DIFFERENCE, 0},
        {"most first", WORD_DIRECTION, 1}, {"with the amount", WORD_NONE, 1}, {"and the amount", WORD_NONE, 1},
        {"with the number", WORD_NONE, 1}, {"with the value", WORD_NONE, 1},
        {"are used", WORD_NONE, 1}, {"is used", WORD_NONE, 1}, {"was used", WORD_NONE, 1},
        {"above sea level", WORD_NONE, 0}, {"i d", WORD_NONE, 0}, {"id like", WORD_LIST, 0},
        {"id like to see", WORD_LIST, 0}, {"id like to know", WORD_LIST, 0},
        {"charged", WORD_NONE, 2}, {"counted", WORD_NONE, 1}, {"paying", WORD_NONE, 2}, {"pays", WORD_NONE, 2},
        {"pay", WORD_NONE, 3}, {"service", WORD_NONE, 3}, {"sold", WORD_NONE, 3}, {"code", WORD_NONE, 2},
        {"codes", WORD_NONE, 2}, {"figure", WORD_NONE, 2}, {"figures", WORD_NONE, 2},
        {"in percent", WORD_NONE, 0}, {"as a percentage", WORD_NONE, 0}, {"in %", WORD_NONE, 0},
        {"how", WORD_NONE, 2}, {"like", WORD_NONE, 2},
        {"something", WORD_NONE, 0}, {"anything", WORD_NONE, 0}, {"level", WORD_NONE, 4},
        {"levels", WORD_NONE, 4}, {"value", WORD_NONE, 4}, {"values", WORD_NONE, 4},
        {"amount", WORD_NONE, 4}, {"type", WORD_NONE, 4}, {"types", WORD_NONE, 4},
        {"number", WORD_NONE, 4}, {"weve", WORD_NONE, 0}, {"ive", WORD_NONE, 0},
        {"theyve", WORD_NONE, 0}, {"theyre", WORD_IS, 0}, {"theres", WORD_NONE, 0},
        {"already", WORD_NONE, 0}, {"paid to", WORD_NONE, 1}, {"paid out", WORD_NONE, 1},
        {"paid", WORD_NONE, 3}, {"make up", WORD_NONE, 1}, {"makes up", WORD_NONE, 1},
        {"does each have", WORD_NONE, 0}, {"each have", WORD_NONE, 0},
        {"each has", WORD_NONE, 0}, {"each one has", WORD_NONE, 0},
        {"each of them has", WORD_NONE, 0}, {"do they have", WORD_NONE, 0},
        {"does each one have", WORD_NONE, 0}, {"they made", WORD_NONE, 1},
        {"they have", WORD_NONE, 1}, {"they had", WORD_NONE, 1},  {"data", WORD_NONE, 1},
        {"recorded", WORD_NONE, 1}, {"measured", WORD_NONE, 1}, {"detected", WORD_NONE, 1},
        {"made", WORD_NONE, 1}, {"placed", WORD_NONE, 1}, {"received", WORD_NONE, 1},
        {"registered", WORD_NONE, 1}, {"happened", WORD_NONE, 1}, {"occurred", WORD_NONE, 1},
        {"took place", WORD_NONE, 1}, {"listed", WORD_NONE, 1}, {"exist", WORD_NONE, 1},
        {"exists", WORD_NONE, 1}, {"belong", WORD_NONE, 1}, {"belongs", WORD_NONE, 1},
        {"come", WORD_NONE, 1}, {"came", WORD_NONE, 1}, {"comes", WORD_NONE, 1},
        {"came in", WORD_NONE, 1}, {"come in", WORD_NONE, 1}, {"get", WORD_NONE, 1},
        {"gets", WORD_NONE, 1}, {"got", WORD_NONE, 1}, {"make", WORD_NONE, 1},
        {"place", WORD_NONE, 1}, {"seen", WORD_NONE, 1}, {"observed", WORD_NONE, 1},
        {"reported", WORD_NONE, 1}, {"given", WORD_NONE, 1}, {"based", WORD_NONE, 1},
        {"located", WORD_NONE, 1}, {"assigned", WORD_NONE, 1},
        {"marked", WORD_NONE, 1}, {"live", WORD_NONE, 1}, {"lives", WORD_NONE, 1},
        {"work", WORD_NONE, 1}, {"works", WORD_NONE, 1}, {"working", WORD_NONE, 1},
        {"contained", WORD_NONE, 1}, {"include", WORD_NONE, 1}, {"including", WORD_WITH, 0},
        {"happen", WORD_NONE, 1}, {"occur", WORD_NONE, 1}, {"own", WORD_NONE, 1},
        {"became", WORD_NONE, 1}, {"become", WORD_NONE, 1}, {"on board", WORD_NONE, 1},
        {"bought", WORD_NONE, 1}, {"buy", WORD_NONE, 1}, {"purchased", WORD_NONE, 1},
        {"involved", WORD_NONE, 1}, {"involve", WORD_NONE, 1}, {"show up", WORD_NONE, 1},
        {"have", WORD_HAVE, 0}, {"going", WORD_NONE, 1}, {"go", WORD_NONE, 1},
        {"went", WORD_NONE, 1}, {"been made", WORD_NONE, 1}, {"in charge", WORD_NONE, 1},
        {"earned", WORD_NONE, 1}, {"scored", WORD_NONE, 1}, {"taken", WORD_NONE, 1},
        {"made up", WORD_NONE, 1}, {"stand", WORD_NONE, 1}, {"see", WORD_NONE, 1},
        {"look", WORD_NONE, 1}, {"total of", WORD_NONE, 1}, {"each other", WORD_NONE, 0},
        {"their", WORD_POSSESSIVE, 0}, {"its", WORD_POSSESSIVE, 0}, {"his", WORD_POSSESSIVE, 0},
        {"her", WORD_POSSESSIVE, 0},
        {"a", WORD_A, 0}, {"an", WORD_A, 0}, {"any", WORD_A, 0}, {"some", WORD_A, 0},

        {"show", WORD_LIST, 0}, {"show me", WORD_LIST, 0}, {"give me", WORD_LIST, 0},
        {"give", WORD_LIST, 0}, {"list", WORD_LIST, 0}, {"display", WORD_LIST, 0},
        {"find", WORD_LIST, 0}, {"find me", WORD_LIST, 0}, {"get me", WORD_LIST, 0},
        {"tell me", WORD_LIST, 0}, {"tell me about", WORD_LIST, 0}, {"return", WORD_LIST, 1},
        {"i want to see", WORD_LIST, 0}, {"i want", WORD_LIST, 0}, {"i need", WORD_LIST, 0},
        {"can you show me", WORD_LIST, 0}, {"could you show me", WORD_LIST, 0},
        {"can you list", WORD_LIST, 0}, {"can you tell me", WORD_LIST, 0},
        {"i would like to see", WORD_LIST, 0}, {"i d like to see", WORD_LIST, 0},
        {"let me see", WORD_LIST, 0}, {"which are", WORD_WHICH, 0},
        {"fetch", WORD_LIST, 0}, {"print", WORD_LIST, 0}, {"look up", WORD_LIST, 0},
        {"which", WORD_WHICH, 0}, {"what", WORD_WHAT, 0}, {"whats", WORD_WHAT, 0},
        {"who", WORD_WHO, 0}, {"whos", WORD_WHO, 0}, {"whom", WORD_WHO, 0},
        {"when", WORD_WHEN, 0}, {"on what date", WORD_WHEN, 0}, {"on which date", WORD_WHEN, 0},
        {"at what time", WORD_WHEN, 0},
        {"how many", WORD_HOW_MANY, 0}, {"how much", WORD_HOW_MUCH, 0},
        {"number of", WORD_COUNT, 0}, {"the number of", WORD_COUNT, 0}, {"count", WORD_COUNT, 0},
        {"count of", WORD_COUNT, 0}, {"counts", WORD_COUNT, 0}, {"counts of", WORD_COUNT, 0},
        {"total number of", WORD_COUNT, 0}, {"total count of", WORD_COUNT, 0},
        {"amount of", WORD_COUNT, 1}, {"no of", WORD_COUNT, 0},
        {"count the", WORD_COUNT, 0}, {"the count of", WORD_COUNT, 0},
        {"total number", WORD_COUNT, 0}, {"volume", WORD_COUNT, 2}, {"volumes", WORD_COUNT, 2},
        {"headcount", WORD_COUNT, 2},
        {"head count", WORD_COUNT, 2},
        {"different", WORD_DISTINCT, 0}, {"distinct", WORD_DISTINCT, 0},
        {"unique", WORD_DISTINCT, 0}, {"separate", WORD_DISTINCT, 0},
        {"individual", WORD_DISTINCT, 0},

        {"average", WORD_FUNC, FUNC_AVG}, {"averages", WORD_FUNC, FUNC_AVG},
        {"averaged", WORD_FUNC, FUNC_AVG}, {"mean", WORD_FUNC, FUNC_AVG},
        {"avg", WORD_FUNC, FUNC_AVG}, {"on average", WORD_ON_AVERAGE, 0}, {"typically", WORD_ON_AVERAGE, 0},
        {"usually", WORD_ON_AVERAGE, 0}, {"on the average", WORD_ON_AVERAGE, 0},
        {"typical", WORD_FUNC, FUNC_AVG}, {"average of", WORD_FUNC, FUNC_AVG},
        {"total", WORD_FUNC, FUNC_SUM}, {"totals", WORD_FUNC, FUNC_SUM},
        {"sum", WORD_FUNC, FUNC_SUM}, {"sum of", WORD_FUNC, FUNC_SUM},
        {"total of", WORD_FUNC, FUNC_SUM}, {"combined", WORD_FUNC, FUNC_SUM},
        {"sum up", WORD_FUNC, FUNC_SUM}, {"add up", WORD_FUNC, FUNC_SUM},
        {"total amount of", WORD_FUNC, FUNC_SUM}, {"cumulated", WORD_FUNC, FUNC_SUM},
        {"median", WORD_FUNC, FUNC_MEDIAN}, {"median of", WORD_FUNC, FUNC_MEDIAN},
        {"maximum", WORD_FUNC, FUNC_MAX}, {"max", WORD_FUNC, FUNC_MAX},
        {"minimum", WORD_FUNC, FUNC_MIN}, {"min", WORD_FUNC, FUNC_MIN},
        {"standard deviation", WORD_FUNC, FUNC_STDDEV}, {"stddev", WORD_FUNC, FUNC_STDDEV},
        {"standard deviation of", WORD_FUNC, FUNC_STDDEV}, {"std dev", WORD_FUNC, FUNC_STDDEV},

        {"highest", WORD_SUPER, 1}, {"largest", WORD_SUPER, 1}, {"biggest", WORD_SUPER, 1},
        {"greatest", WORD_SUPER, 1}, {"lowest", WORD_SUPER, 0}, {"smallest", WORD_SUPER, 0},
        {"strongest", WORD_SUPER, 1}, {"weakest", WORD_SUPER, 0}, {"least", WORD_MOST, 0},
        {"tiniest", WORD_SUPER, 0}, {"fewest", WORD_MOST, 0}, {"most", WORD_MOST, 1},
        {"top", WORD_TOP, 1}, {"best", WORD_TOP, 1}, {"leading", WORD_TOP, 1},
        {"bottom", WORD_TOP, 0}, {"worst", WORD_TOP, 0},
        {"common", WORD_COMMON, 1}, {"frequent", WORD_COMMON, 1}, {"popular", WORD_COMMON, 1},
        {"commonest", WORD_COMMON, 1}, {"frequently", WORD_COMMON, 1}, {"often", WORD_COMMON, 1},
        {"rarest", WORD_COMMON, 0}, {"rare", WORD_COMMON, 0}, {"used", WORD_COMMON, 1},
        {"busiest", WORD_COMMON, 1}, {"quietest", WORD_COMMON, 0},
        {"latest", WORD_LATE, 1}, {"newest", WORD_LATE, 1}, {"most recent", WORD_LATE, 1},
        {"last", WORD_LATE, 1}, {"earliest", WORD_LATE, 0}, {"oldest", WORD_LATE, 0},
        {"first", WORD_LATE, 0}, {"most recently", WORD_LATE, 1}, {"recent", WORD_LATE, 1},

        {"by", WORD_BY, 0}, {"grouped by", WORD_PER, 0}, {"group by", WORD_PER, 0},
        {"broken down by", WORD_PER, 0}, {"split by", WORD_PER, 0}, {"per", WORD_PER, 0},
        {"according to", WORD_PER, 0}, {"depending on", WORD_PER, 0}, {"as per", WORD_PER, 0},
        {"by each", WORD_PER, 0}, {"per each", WORD_PER, 0}, {"divided by", WORD_DIVIDED, 0},
        {"in terms of", WORD_BY, 0}, {"measured by", WORD_BY, 0}, {"split up by", WORD_PER, 0},
        {"breakdown by", WORD_DISTRIBUTION, 0}, {"for each", WORD_EACH, 0}, {"for every", WORD_EACH, 0},
        {"in each", WORD_EACH, 0}, {"in every", WORD_EACH, 0}, {"of each", WORD_EACH, 0},
        {"at each", WORD_EACH, 0}, {"at every", WORD_EACH, 0}, {"on each", WORD_EACH, 0},
        {"from each", WORD_EACH, 0}, {"within each", WORD_EACH, 0}, {"of every", WORD_EACH, 0},
        {"each", WORD_EACH, 0}, {"every", WORD_EACH, 0}, {"to each", WORD_EACH, 0},
        {"for all", WORD_EACH, 1}, {"with each", WORD_EACH, 0}, {"on every", WORD_EACH, 0},
        {"the different", WORD_DISTINCT, 0}, {"across", WORD_ACROSS, 0},
        {"across all", WORD_ACROSS, 0}, {"across the", WORD_ACROSS, 0},
        {"among", WORD_IN, 0}, {"amongst", WORD_IN, 0},

        {"and", WORD_AND, 0}, {"as well as", WORD_AND, 0}, {"or", WORD_OR, 0},
        {"plus", WORD_PLUS, 0}, {"minus", WORD_MINUS, 0}, {"times", WORD_TIMES, 0},
        {"multiplied by", WORD_TIMES, 0},
        {"not", WORD_NOT, 0}, {"isnt", WORD_NOT, 0}, {"arent", WORD_NOT, 0},
        {"didnt", WORD_NOT, 0}, {"dont", WORD_NOT, 0}, {"doesnt", WORD_NOT, 0},
        {"wasnt", WORD_NOT, 0}, {"werent", WORD_NOT, 0}, {"havent", WORD_NOT, 0},
        {"hasnt", WORD_NOT, 0}, {"non", WORD_NOT, 0}, {"not in", WORD_NOT, 0},
        {"other than", WORD_EXCEPT, 0}, {"never", WORD_NEVER, 0}, {"neither", WORD_NEITHER, 0},
        {"nor", WORD_OR, 0}, {"except", WORD_EXCEPT, 0}, {"except for", WORD_EXCEPT, 0},
        {"leave out", WORD_EXCEPT, 0}, {"but leave out", WORD_EXCEPT, 0},
        {"ignoring", WORD_EXCEPT, 0}, {"ignore", WORD_EXCEPT, 0}, {"skip", WORD_EXCEPT, 0},
        {"skipping", WORD_EXCEPT, 0}, {"not counting", WORD_EXCEPT, 0},
        {"without counting", WORD_EXCEPT, 0}, {"not including", WORD_EXCEPT, 0},
        {"everything except", WORD_EXCEPT, 0}, {"everything but", WORD_EXCEPT, 0},
        {"anything but", WORD_EXCEPT, 0}, {"rather than", WORD_EXCEPT, 0},
        {"and not", WORD_EXCEPT, 0}, {"excluding", WORD_EXCEPT, 0}, {"apart from", WORD_EXCEPT, 0}, {"but not", WORD_EXCEPT, 0},
        {"outside", WORD_EXCEPT, 0}, {"outside of", WORD_EXCEPT, 0}, {"besides", WORD_EXCEPT, 0},
        {"aside from", WORD_EXCEPT, 0}, {"leaving out", WORD_EXCEPT, 0},
        {"but without", WORD_WITHOUT, 0}, {"without", WORD_WITHOUT, 0}, {"no", WORD_WITHOUT, 0},
        {"with no", WORD_WITHOUT, 0}, {"lacking", WORD_WITHOUT, 0}, {"lack", WORD_WITHOUT, 0},
        {"without any", WORD_WITHOUT, 0}, {"none", WORD_WITHOUT, 0}, {"lacks", WORD_WITHOUT, 0},
        {"zero", WORD_WITHOUT, 1},
        {"with", WORD_WITH, 0}, {"having", WORD_WITH, 0}, {"who have", WORD_WITH, 0},
        {"that have", WORD_WITH, 0}, {"along with", WORD_WITH, 0}, {"together with", WORD_WITH, 0},
        {"in", WORD_IN, 0}, {"at", WORD_IN, 0}, {"on", WORD_IN, 0}, {"within", WORD_IN, 0},
        {"inside", WORD_IN, 0}, {"via", WORD_IN, 0}, {"through", WORD_TO, 0},
        {"during", WORD_IN, 0}, {"of", WORD_OF, 0}, {"for", WORD_FOR, 0}, {"from", WORD_FROM, 0},
        {"about", WORD_FOR, 0}, {"regarding", WORD_FOR, 0}, {"concerning", WORD_FOR, 0},
        {"to", WORD_TO, 0}, {"into", WORD_IN, 0}, {"by means of", WORD_IN, 0},
        {"is", WORD_IS, 0}, {"are", WORD_IS, 0}, {"was", WORD_IS, 0}, {"were", WORD_IS, 0},
        {"being", WORD_IS, 0}, {"equals", WORD_COMPARE_OP, FILTER_EQ},
        {"has", WORD_HAVE, 0}, {"have", WORD_HAVE, 0}, {"had", WORD_HAVE, 0},
        {"do", WORD_DO, 0}, {"does", WORD_DO, 0}, {"did", WORD_DO, 0}, {"done", WORD_DO, 0},
        {"can", WORD_DO, 0}, {"that", WORD_THAT, 0}, {"where", WORD_THAT, 0},
        {"whose", WORD_THAT, 0}, {"that are", WORD_THAT, 0}, {"who are", WORD_THAT, 0},
        {"that were", WORD_THAT, 0}, {"who were", WORD_THAT, 0}, {"that was", WORD_THAT, 0},
        {"if", WORD_THAT, 0}, {"when the", WORD_THAT, 1}, {"but", WORD_AND, 0},

        {"over", WORD_COMPARE_OP, FILTER_GT}, {"above", WORD_COMPARE_OP, FILTER_GT},
        {"more than", WORD_COMPARE_OP, FILTER_GT}, {"greater than", WORD_COMPARE_OP, FILTER_GT},
        {"higher than", WORD_COMPARE_OP, FILTER_GT}, {"larger than", WORD_COMPARE_OP, FILTER_GT},
        {"bigger than", WORD_COMPARE_OP, FILTER_GT}, {"exceeding", WORD_COMPARE_OP, FILTER_GT},
        {"exceeds", WORD_COMPARE_OP, FILTER_GT}, {"exceed", WORD_COMPARE_OP, FILTER_GT},
        {"beyond", WORD_COMPARE_OP, FILTER_GT}, {"upwards of", WORD_COMPARE_OP, FILTER_GE},
        {"better than", WORD_COMPARE_OP, FILTER_GT},
        {">", WORD_COMPARE_OP, FILTER_GT}, {">=", WORD_COMPARE_OP, FILTER_GE},
        {"at least", WORD_COMPARE_OP, FILTER_GE}, {"minimum of", WORD_COMPARE_OP, FILTER_GE},
        {"a minimum of", WORD_COMPARE_OP, FILTER_GE}, {"no less than", WORD_COMPARE_OP, FILTER_GE},
        {"not less than", WORD_COMPARE_OP, FILTER_GE}, {"no fewer than", WORD_COMPARE_OP, FILTER_GE},
        {"under", WORD_COMPARE_OP, FILTER_LT}, {"below", WORD_COMPARE_OP, FILTER_LT},
        {"less than", WORD_COMPARE_OP, FILTER_LT}, {"fewer than", WORD_COMPARE_OP, FILTER_LT},
        {"lower than", WORD_COMPARE_OP, FILTER_LT}, {"smaller than", WORD_COMPARE_OP, FILTER_LT},
        {"worse than", WORD_COMPARE_OP, FILTER_LT},
        {"<", WORD_COMPARE_OP, FILTER_LT}, {"<=", WORD_COMPARE_OP, FILTER_LE},
        {"at most", WORD_COMPARE_OP, FILTER_LE}, {"up to", WORD_COMPARE_OP, FILTER_LE},
        {"maximum of", WORD_COMPARE_OP, FILTER_LE}, {"a maximum of", WORD_COMPARE_OP, FILTER_LE},
        {"no more than", WORD_COMPARE_OP, FILTER_LE}, {"not more than", WORD_COMPARE_OP, FILTER_LE},
        {"within", WORD_COMPARE_OP, FILTER_LE},
        {"=", WORD_COMPARE_OP, FILTER_EQ}, {"exactly", WORD_COMPARE_OP, FILTER_EQ},
        {"equal to", WORD_COMPARE_OP, FILTER_EQ}, {"!=", WORD_COMPARE_OP, FILTER_NE},
        {"not equal to", WORD_COMPARE_OP, FILTER_NE}, {"precisely", WORD_COMPARE_OP, FILTER_EQ},
        {"more", WORD_COMPARATIVE, FILTER_GT}, {"less", WORD_COMPARATIVE, FILTER_LT},
        {"than", WORD_NONE, 0},
        {"or more", WORD_OR_MORE, FILTER_GE}, {"or above", WORD_OR_MORE, FILTER_GE},
        {"or higher", WORD_OR_MORE, FILTER_GE}, {"or over", WORD_OR_MORE, FILTER_GE},
        {"and more", WORD_OR_MORE, FILTER_GE}, {"and above", WORD_OR_MORE, FILTER_GE},
        {"or better", WORD_OR_MORE, FILTER_GE}, {"or older", WORD_OR_MORE, FILTER_GE},
        {"or greater", WORD_OR_MORE, FILTER_GE}, {"or longer", WORD_OR_MORE, FILTER_GE},
        {"or less", WORD_OR_MORE, FILTER_LE}, {"or fewer", WORD_OR_MORE, FILTER_LE},
        {"or below", WORD_OR_MORE, FILTER_LE}, {"or lower", WORD_OR_MORE, FILTER_LE},
        {"or under", WORD_OR_MORE, FILTER_LE}, {"or younger", WORD_OR_MORE, FILTER_LE},
        {"or worse", WORD_OR_MORE, FILTER_LE}, {"or shorter", WORD_OR_MORE, FILTER_LE},
        {"+", WORD_OR_MORE, FILTER_GE}, {"and over", WORD_OR_MORE, FILTER_GE},
        {"and up", WORD_OR_MORE, FILTER_GE}, {"and below", WORD_OR_MORE, FILTER_LE},
        {"between", WORD_BETWEEN, 0}, {"ranging from", WORD_BETWEEN, 0},
        {"in the range", WORD_BETWEEN, 0}, {"-", WORD_TO, 1},

        {"contains", WORD_CONTAINS, FILTER_CONTAINS}, {"contain", WORD_CONTAINS, FILTER_CONTAINS},
        {"containing", WORD_CONTAINS, FILTER_CONTAINS},
        {"includes", WORD_CONTAINS, FILTER_CONTAINS},
        {"mentions", WORD_CONTAINS, FILTER_CONTAINS}, {"mention", WORD_CONTAINS, FILTER_CONTAINS},
        {"mentioning", WORD_CONTAINS, FILTER_CONTAINS},
        {"starts with", WORD_CONTAINS, FILTER_STARTSWITH},
        {"start with", WORD_CONTAINS, FILTER_STARTSWITH},
        {"starting with", WORD_CONTAINS, FILTER_STARTSWITH},
        {"begins with", WORD_CONTAINS, FILTER_STARTSWITH},
        {"begin with", WORD_CONTAINS, FILTER_STARTSWITH},
        {"beginning with", WORD_CONTAINS, FILTER_STARTSWITH},
        {"that start", WORD_CONTAINS, FILTER_STARTSWITH},
        {"start", WORD_CONTAINS, FILTER_STARTSWITH},
        {"starts", WORD_CONTAINS, FILTER_STARTSWITH},
        {"ends with", WORD_CONTAINS, FILTER_ENDSWITH}, {"end with", WORD_CONTAINS, FILTER_ENDSWITH},
        {"ending with", WORD_CONTAINS, FILTER_ENDSWITH},
        {"ending in", WORD_CONTAINS, FILTER_ENDSWITH}, {"end in", WORD_CONTAINS, FILTER_ENDSWITH},
        {"ends in", WORD_CONTAINS, FILTER_ENDSWITH},
        {"the word", WORD_CONTAINS, FILTER_CONTAINS},
        {"with the word", WORD_CONTAINS, FILTER_CONTAINS},
        {"named", WORD_NAMED, 0}, {"called", WORD_NAMED, 0}, {"titled", WORD_NAMED, 0},
        {"missing", WORD_NULL, 0}, {"empty", WORD_NULL, 0}, {"null", WORD_NULL, 0},
        {"blank", WORD_NULL, 0}, {"unknown", WORD_NULL, 0}, {"unspecified", WORD_NULL, 0},
        {"not recorded", WORD_NULL, 0}, {"not known", WORD_NULL, 0}, {"undefined", WORD_NULL, 0},
        {"not available", WORD_NULL, 0}, {"not given", WORD_NULL, 0}, {"not set", WORD_NULL, 0},

        {"share", WORD_SHARE, 0}, {"share of", WORD_SHARE, 0}, {"percentage", WORD_SHARE, 0},
        {"percentage of", WORD_SHARE, 0}, {"percent of", WORD_SHARE, 0},
        {"proportion", WORD_SHARE, 0}, {"proportion of", WORD_SHARE, 0},
        {"fraction", WORD_SHARE, 0}, {"fraction of", WORD_SHARE, 0}, {"shares of", WORD_SHARE, 0},
        {"what percent", WORD_SHARE, 0}, {"what percent of", WORD_SHARE, 0},
        {"what %", WORD_SHARE, 0}, {"what % of", WORD_SHARE, 0}, {"percent", WORD_SHARE, 1},
        {"% of", WORD_SHARE, 0}, {"how many percent of", WORD_SHARE, 0},
        {"as a percentage of", WORD_DIVIDED, 100}, {"as percentage of", WORD_DIVIDED, 100},
        {"as a share of", WORD_DIVIDED, 100}, {"as a percent of", WORD_DIVIDED, 100},
        {"as percent of", WORD_DIVIDED, 100}, {"relative to", WORD_DIVIDED, 0},
        {"rate", WORD_RATE, 0}, {"rates", WORD_RATE, 0}, {"ratio", WORD_RATE, 1},
        {"distribution", WORD_DISTRIBUTION, 0}, {"distribution of", WORD_DISTRIBUTION, 0},
        {"breakdown", WORD_DISTRIBUTION, 0}, {"breakdown of", WORD_DISTRIBUTION, 0},
        {"a breakdown of", WORD_DISTRIBUTION, 0}, {"split of", WORD_DISTRIBUTION, 0},
        {"split", WORD_DISTRIBUTION, 0}, {"distributed", WORD_DISTRIBUTION, 0},
        {"distributed by", WORD_DISTRIBUTION, 0}, {"make up of", WORD_DISTRIBUTION, 0},
        {"break down", WORD_DISTRIBUTION, 0}, {"distributed across", WORD_DISTRIBUTION, 0},
        {"distributed over", WORD_DISTRIBUTION, 0}, {"broken down", WORD_DISTRIBUTION, 0},
        {"compare", WORD_COMPARE, 0}, {"comparison of", WORD_COMPARE, 0},
        {"comparison", WORD_COMPARE, 0}, {"compared", WORD_COMPARE, 0},
        {"compared to", WORD_VERSUS, 0}, {"compared with", WORD_VERSUS, 0},
        {"vs", WORD_VERSUS, 0}, {"versus", WORD_VERSUS, 0}, {"against", WORD_VERSUS, 0},

        {"sorted by", WORD_SORT, 0}, {"sort by", WORD_SORT, 0}, {"ordered by", WORD_SORT, 0},
        {"order by", WORD_SORT, 0}, {"ranked by", WORD_SORT, 0}, {"rank by", WORD_SORT, 0},
        {"sorted", WORD_SORT, 1}, {"sort", WORD_SORT, 1}, {"ranked", WORD_SORT, 1},
        {"rank", WORD_SORT, 1}, {"in order of", WORD_SORT, 0}, {"order them by", WORD_SORT, 0},
        {"sort them by", WORD_SORT, 0}, {"rank them by", WORD_SORT, 0},
        {"sorted on", WORD_SORT, 0}, {"arranged by", WORD_SORT, 0},
        {"ascending", WORD_DIRECTION, 0}, {"ascending order", WORD_DIRECTION, 0},
        {"in ascending order", WORD_DIRECTION, 0}, {"asc", WORD_DIRECTION, 0},
        {"descending", WORD_DIRECTION, 1}, {"descending order", WORD_DIRECTION, 1},
        {"in descending order", WORD_DIRECTION, 1}, {"desc", WORD_DIRECTION, 1},
        {"highest first", WORD_DIRECTION, 1}, {"largest first", WORD_DIRECTION, 1},
        {"biggest first", WORD_DIRECTION, 1}, {"most first", WORD_DIRECTION, 1},
        {"best first", WORD_DIRECTION, 1}, {"worst first", WORD_DIRECTION, 2},
        {"longest first", WORD_DIRECTION, 1}, {"shortest first", WORD_DIRECTION, 0},
        {"lowest first", WORD_DIRECTION, 0}, {"smallest first", WORD_DIRECTION, 0},
        {"fewest first", WORD_DIRECTION, 0}, {"cheapest first", WORD_DIRECTION, 0},
        {"most expensive first", WORD_DIRECTION, 1}, {"from highest to lowest", WORD_DIRECTION, 1},
        {"from high to low", WORD_DIRECTION, 1}, {"high to low", WORD_DIRECTION, 1},
        {"highest to lowest", WORD_DIRECTION, 1}, {"largest to smallest", WORD_DIRECTION, 1},
        {"from largest to smallest", WORD_DIRECTION, 1}, {"lowest to highest", WORD_DIRECTION, 0},
        {"from lowest to highest", WORD_DIRECTION, 0}, {"from low to high", WORD_DIRECTION, 0},
        {"low to high", WORD_DIRECTION, 0}, {"smallest to largest", WORD_DIRECTION, 0},
        {"newest first", WORD_DIRECTION, 3}, {"latest first", WORD_DIRECTION, 3},
        {"most recent first", WORD_DIRECTION, 3}, {"oldest first", WORD_DIRECTION, 4},
        {"earliest first", WORD_DIRECTION, 4}, {"chronologically", WORD_DIRECTION, 4},
        {"in chronological order", WORD_DIRECTION, 4}, {"alphabetically", WORD_DIRECTION, 5},
        {"in alphabetical order", WORD_DIRECTION, 5}, {"best to worst", WORD_DIRECTION, 1},
        {"from best to worst", WORD_DIRECTION, 1}, {"hottest first", WORD_DIRECTION, 1},
        {"coldest first", WORD_DIRECTION, 0}, {"strongest first", WORD_DIRECTION, 1},
        {"slowest first", WORD_DIRECTION, 1}, {"fastest first", WORD_DIRECTION, 0},
        {"from smallest to largest", WORD_DIRECTION, 0}, {"youngest first", WORD_DIRECTION, 0},
        {"highest on top", WORD_DIRECTION, 1}, {"in falling order", WORD_DIRECTION, 1},

        {"minute", WORD_UNIT, UNIT_MINUTE}, {"hour", WORD_UNIT, UNIT_HOUR},
        {"day", WORD_UNIT, UNIT_DAY}, {"week", WORD_UNIT, UNIT_WEEK},
        {"month", WORD_UNIT, UNIT_MONTH}, {"quarter", WORD_UNIT, UNIT_QUARTER},
        {"year", WORD_UNIT, UNIT_YEAR}, {"hours", WORD_UNIT, UNIT_HOUR},
        {"days", WORD_UNIT, UNIT_DAY}, {"weeks", WORD_UNIT, UNIT_WEEK},
        {"months", WORD_UNIT, UNIT_MONTH}, {"quarters", WORD_UNIT, UNIT_QUARTER},
        {"years", WORD_UNIT, UNIT_YEAR}, {"minutes", WORD_UNIT, UNIT_MINUTE},
        {"calendar month", WORD_UNIT, UNIT_MONTH}, {"calendar week", WORD_UNIT, UNIT_WEEK},
        {"calendar year", WORD_UNIT, UNIT_YEAR},
        {"month by month", WORD_UNITLY, UNIT_MONTH}, {"day by day", WORD_UNITLY, UNIT_DAY},
        {"week by week", WORD_UNITLY, UNIT_WEEK}, {"year by year", WORD_UNITLY, UNIT_YEAR},
        {"quarter by quarter", WORD_UNITLY, UNIT_QUARTER}, {"by the hour", WORD_UNITLY, UNIT_HOUR},
        {"hourly", WORD_UNITLY, UNIT_HOUR}, {"daily", WORD_UNITLY, UNIT_DAY},
        {"weekly", WORD_UNITLY, UNIT_WEEK}, {"monthly", WORD_UNITLY, UNIT_MONTH},
        {"quarterly", WORD_UNITLY, UNIT_QUARTER}, {"yearly", WORD_UNITLY, UNIT_YEAR},
        {"annual", WORD_UNITLY, UNIT_YEAR}, {"annually", WORD_UNITLY, UNIT_YEAR},
        {"day of the week", WORD_PART, UNIT_DAY_OF_WEEK}, {"day of week", WORD_PART, UNIT_DAY_OF_WEEK},
        {"weekday", WORD_PART, UNIT_DAY_OF_WEEK}, {"weekdays", WORD_PART, UNIT_DAY_OF_WEEK},
        {"days of the week", WORD_PART, UNIT_DAY_OF_WEEK},
        {"hour of the day", WORD_PART, UNIT_HOUR}, {"hour of day", WORD_PART, UNIT_HOUR},
        {"hours of the day", WORD_PART, UNIT_HOUR}, {"time of day", WORD_PART, UNIT_HOUR},
        {"time of the day", WORD_PART, UNIT_HOUR}, {"month of the year", WORD_PART, UNIT_MONTH},
        {"calendar month of the year", WORD_PART, UNIT_MONTH},
        {"week of the year", WORD_PART, UNIT_WEEK}, {"day of the month", WORD_PART, UNIT_DAY},
        {"time", WORD_TIME, 0}, {"times", WORD_TIME, 1}, {"date", WORD_TIME, 0},
        {"dates", WORD_TIME, 0}, {"timestamp", WORD_TIME, 0},
        {"percent", WORD_PERCENT, 0}, {"%", WORD_PERCENT, 0}, {"percents", WORD_PERCENT, 0},
        {"dollars", WORD_MONEY, 0}, {"dollar", WORD_MONEY, 0}, {"usd", WORD_MONEY, 0},
        {"bucks", WORD_MONEY, 0}, {"euros", WORD_MONEY, 0}, {"euro", WORD_MONEY, 0},
        {"eur", WORD_MONEY, 0}, {"thousand", WORD_MILLION, 1}, {"million", WORD_MILLION, 2},
        {"billion", WORD_MILLION, 3},
        {"rows", WORD_ROWS, 0}, {"row", WORD_ROWS, 0}, {"records", WORD_ROWS, 0},
        {"record", WORD_ROWS, 0}, {"entries", WORD_ROWS, 0}, {"lines", WORD_ROWS, 0},
        {"observations", WORD_ROWS, 0}, {"data points", WORD_ROWS, 0}, {"ones", WORD_ROWS, 0},
        {"everyone", WORD_ROWS, 2}, {"everybody", WORD_ROWS, 2}, {"anyone", WORD_ROWS, 2},
        {"someone", WORD_ROWS, 2}, {"folks", WORD_ROWS, 2}, {"workforce", WORD_ROWS, 2},
        {"people", WORD_ROWS, 2}, {"anybody", WORD_ROWS, 2}, {"persons", WORD_ROWS, 2}, {"cases", WORD_ROWS, 1}, {"readings", WORD_ROWS, 0}, {"reading", WORD_ROWS, 0}, {"measurements", WORD_ROWS, 0},
        {"samples", WORD_ROWS, 0},

        {"only", WORD_ONLY, 0}, {"just", WORD_ONLY, 0}, {"only the ones", WORD_ONLY, 0},
        {"just the", WORD_ONLY, 0}, {"only those", WORD_ONLY, 0}, {"solely", WORD_ONLY, 0},
        {"instead", WORD_INSTEAD, 0}, {"instead of that", WORD_INSTEAD, 0},
        {"what about", WORD_WHAT_ABOUT, 0}, {"how about", WORD_WHAT_ABOUT, 0},
        {"and what about", WORD_WHAT_ABOUT, 0}, {"and how about", WORD_WHAT_ABOUT, 0},
        {"what of", WORD_WHAT_ABOUT, 0}, {"same thing", WORD_WHAT_ABOUT, 0}, {"the same thing", WORD_WHAT_ABOUT, 0},
        {"same", WORD_WHAT_ABOUT, 0}, {"the same", WORD_WHAT_ABOUT, 0},
        {"that again", WORD_WHAT_ABOUT, 0}, {"same for", WORD_WHAT_ABOUT, 0},
        {"the same for", WORD_WHAT_ABOUT, 0}, {"and for", WORD_WHAT_ABOUT, 1},
        {"and in", WORD_WHAT_ABOUT, 1}, {"now for", WORD_WHAT_ABOUT, 0},
        {"now only", WORD_ONLY, 0}, {"the same but", WORD_WHAT_ABOUT, 0},
        {"same but", WORD_WHAT_ABOUT, 0}, {"same thing for", WORD_WHAT_ABOUT, 0},
        {"those", WORD_THOSE, 0}, {"these", WORD_THOSE, 0}, {"them", WORD_THOSE, 0},
        {"that one", WORD_THOSE, 0}, {"of those", WORD_THOSE, 0}, {"of them", WORD_THOSE, 0},
        {"of these", WORD_THOSE, 0}, {"also", WORD_ALSO, 0}, {"too", WORD_ALSO, 0},
        {"again", WORD_ALSO, 0},
        {",", WORD_COMMA, 0}, {";", WORD_COMMA, 0}, {":", WORD_OPEN, 0}, {"(", WORD_OPEN, 0},
        {")", WORD_CLOSE, 0}, {"?", WORD_NONE, 0}, {"!", WORD_NONE, 0}, {".", WORD_NONE, 0},
        {"/", WORD_AND, 1},

        {"why", WORD_REFUSE, REFUSE_CAUSE}, {"cause", WORD_REFUSE, REFUSE_CAUSE},
        {"caused", WORD_REFUSE, REFUSE_CAUSE}, {"causes", WORD_REFUSE, REFUSE_CAUSE},
        {"because", WORD_REFUSE, REFUSE_CAUSE}, {"reason", WORD_REFUSE, REFUSE_CAUSE},
        {"reasons", WORD_REFUSE, REFUSE_CAUSE}, {"how come", WORD_REFUSE, REFUSE_CAUSE},
        {"influence", WORD_REFUSE, REFUSE_CAUSE}, {"influences", WORD_REFUSE, REFUSE_CAUSE},
        {"affect", WORD_REFUSE, REFUSE_CAUSE}, {"affects", WORD_REFUSE, REFUSE_CAUSE},
        {"explain", WORD_REFUSE, REFUSE_CAUSE}, {"impact", WORD_REFUSE, REFUSE_CAUSE},
        {"will", WORD_REFUSE, REFUSE_FUTURE}, {"predict", WORD_REFUSE, REFUSE_FUTURE},
        {"forecast", WORD_REFUSE, REFUSE_FUTURE}, {"expect", WORD_REFUSE, REFUSE_FUTURE},
        {"expected", WORD_REFUSE, REFUSE_FUTURE}, {"tomorrow", WORD_REFUSE, REFUSE_FUTURE},
        {"next month", WORD_REFUSE, REFUSE_FUTURE}, {"next year", WORD_REFUSE, REFUSE_FUTURE},
        {"next week", WORD_REFUSE, REFUSE_FUTURE}, {"next quarter", WORD_REFUSE, REFUSE_FUTURE},
        {"would", WORD_REFUSE, REFUSE_FUTURE}, {"future", WORD_REFUSE, REFUSE_FUTURE},
        {"going to", WORD_REFUSE, REFUSE_FUTURE}, {"likely", WORD_REFUSE, REFUSE_FUTURE},
        {"do about", WORD_REFUSE, REFUSE_OPINION}, {"should", WORD_REFUSE, REFUSE_OPINION}, {"recommend", WORD_REFUSE, REFUSE_OPINION},
        {"good", WORD_REFUSE, REFUSE_OPINION}, {"bad", WORD_REFUSE, REFUSE_OPINION},
        {"better", WORD_REFUSE, REFUSE_OPINION}, {"worse", WORD_REFUSE, REFUSE_OPINION},
        {"fair", WORD_REFUSE, REFUSE_OPINION}, {"nice", WORD_REFUSE, REFUSE_OPINION},
        {"opinion", WORD_REFUSE, REFUSE_OPINION}, {"advise", WORD_REFUSE, REFUSE_OPINION},
        {"suggest", WORD_REFUSE, REFUSE_OPINION}, {"improve", WORD_REFUSE, REFUSE_OPINION},
        {"delete", WORD_REFUSE, REFUSE_WRITE}, {"drop", WORD_REFUSE, REFUSE_WRITE},
        {"update", WORD_REFUSE, REFUSE_WRITE}, {"insert", WORD_REFUSE, REFUSE_WRITE},
        {"remove", WORD_REFUSE, REFUSE_WRITE}, {"change", WORD_REFUSE, REFUSE_WRITE},
        {"rename", WORD_REFUSE, REFUSE_WRITE}, {"copy", WORD_REFUSE, REFUSE_WRITE},
        {"save", WORD_REFUSE, REFUSE_WRITE}, {"reset", WORD_REFUSE, REFUSE_WRITE},
        {"write", WORD_REFUSE, REFUSE_WRITE}, {"assign", WORD_REFUSE, REFUSE_WRITE},
        {"create", WORD_REFUSE, REFUSE_WRITE}, {"cancel", WORD_REFUSE, REFUSE_WRITE},
        {"refund", WORD_REFUSE, REFUSE_WRITE}, {"fire", WORD_REFUSE, REFUSE_WRITE},
        {"raise", WORD_REFUSE, REFUSE_WRITE}, {"turn off", WORD_REFUSE, REFUSE_WRITE},
        {"turn on", WORD_REFUSE, REFUSE_WRITE}, {"send", WORD_REFUSE, REFUSE_WRITE},
        {"set the", WORD_REFUSE, REFUSE_WRITE}, {"set", WORD_REFUSE, REFUSE_WRITE},
        {"close", WORD_REFUSE, REFUSE_WRITE}, {"mark", WORD_REFUSE, REFUSE_WRITE},
        {"move", WORD_REFUSE, REFUSE_WRITE}, {"replace", WORD_REFUSE, REFUSE_WRITE},
        {"increase", WORD_REFUSE, REFUSE_WRITE}, {"reduce", WORD_REFUSE, REFUSE_WRITE}, {"add a", WORD_REFUSE, REFUSE_WRITE},
        {"correlation", WORD_REFUSE, REFUSE_STATISTIC},
        {"correlate", WORD_REFUSE, REFUSE_STATISTIC}, {"percentile", WORD_REFUSE, REFUSE_STATISTIC},
        {"moving average", WORD_REFUSE, REFUSE_STATISTIC},
        {"running total", WORD_REFUSE, REFUSE_STATISTIC}, {"growth", WORD_REFUSE, REFUSE_STATISTIC},
        {"cumulative", WORD_REFUSE, REFUSE_STATISTIC}, {"trend", WORD_REFUSE, REFUSE_STATISTIC},
        {"regression", WORD_REFUSE, REFUSE_STATISTIC},
        {"month over month", WORD_REFUSE, REFUSE_STATISTIC},
        {"year over year", WORD_REFUSE, REFUSE_STATISTIC},
        {"week over week", WORD_REFUSE, REFUSE_STATISTIC},
        {"changed since", WORD_REFUSE, REFUSE_STATISTIC}, {"changed", WORD_REFUSE, REFUSE_STATISTIC},
        {"interesting", WORD_REFUSE, REFUSE_VAGUE}, {"stuff", WORD_REFUSE, REFUSE_VAGUE},
        {"important", WORD_REFUSE, REFUSE_VAGUE}, {"summarize", WORD_REFUSE, REFUSE_VAGUE},
        {"insights", WORD_REFUSE, REFUSE_VAGUE}, {"everything", WORD_REFUSE, REFUSE_VAGUE},
        {"something interesting", WORD_REFUSE, REFUSE_VAGUE},
};

static bool matches(const struct question *question, size_t i, const char *text, size_t *n)
{
        size_t token = i;
        const char *at = text;
        while (*at) {
                const char *end = strchrnul(at, ' ');
                if (token >= question->n_tokens)
                        return false;
                const struct token *said = &question->tokens[token];
                size_t length = (size_t)(end - at);
                bool word = said->kind == TOKEN_WORD || said->kind == TOKEN_SIGN;
                if (!word || strlen(said->text) != length || memcmp(said->text, at, length) != 0)
                        return false;
                token++;
                at = *end ? end + 1 : end;
        }
        *n = token - i;
        return true;
}

/* "change the price" is refused, "how did it change" is not understood; and where a column is called
 * "reason", it may be asked for. */
static bool refuses(const struct question *question, size_t i, size_t n, int what)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if (atom->kind == ATOM_COLUMN && atom->first == i && atom->n == n &&
                    atom->cost <= 0.75)
                        return false;
        }
        if (what != REFUSE_WRITE || i == 0)
                return true;
        static const char *const before[] = {"please", "you", "and", "to", "then", "now"};
        for (size_t w = 0; w < ARRAY_SIZE(before); w++)
                if (strcmp(question->tokens[i - 1].text, before[w]) == 0)
                        return true;
        return false;
}

/* True when the rows of the only table are persons, as far as its columns tell. */
static bool lists_persons(const struct question *question)
{
        static const char *const signs[] = {"gender", "sex", "age", "birth", "passeng", "employe"};
        const struct concepts *concepts = question->concepts;
        if (concepts->dataset->n_tables != 1)
                return false;
        for (size_t c = 0; c < concepts->dataset->tables[0].n_columns; c++) {
                const struct column_facts *facts = &concepts->tables[0].columns[c];
                for (size_t w = 0; w < facts->n_words; w++)
                        for (size_t s = 0; s < ARRAY_SIZE(signs); s++)
                                if (strcmp(facts->words[w], signs[s]) == 0)
                                        return true;
        }
        return false;
}

void grammar_link(struct question *question, size_t i)
{
        for (size_t e = 0; e < ARRAY_SIZE(entries); e++) {
                const struct entry *entry = &entries[e];
                size_t n;
                if (!matches(question, i, entry->text, &n))
                        continue;
                if (entry->word == WORD_ROWS && entry->arg == 2 && !lists_persons(question))
                        continue;
                if (entry->word == WORD_MOST && i > 0 &&
                    strcmp(question->tokens[i - 1].text, "at") == 0)
                        continue; /* "at least" */
                if (entry->word == WORD_REFUSE && !refuses(question, i, n, entry->arg))
                        continue;
                bool light = entry->word == WORD_NONE;
                struct atom *atom =
                        atom_add(question, light ? ATOM_LIGHT : ATOM_WORD, i, n,
                                 entry->word == WORD_REFUSE        ? 0.3
                                 : light && entry->arg == LIGHT_BEHIND_NAME ? 0.7
                                 : light && entry->arg == 3 ? 1.2
                                 : light && entry->arg == 2 ? 0.9
                                 : light && entry->arg == 1 ? 0.6
                                 : entry->word == WORD_ROWS && entry->arg > 0 ? 0.8
                                                            : 0.5);
                atom->word = entry->word;
                atom->arg = entry->arg;
        }
}

const char *grammar_nearest(const char *text, size_t most,
                            size_t (*measure)(const char *, const char *, size_t))
{
        const char *nearest = NULL;
        for (size_t e = 0; e < ARRAY_SIZE(entries); e++) {
                const char *word = entries[e].text;
                bool says = entries[e].word != WORD_NONE && entries[e].word != WORD_REFUSE;
                if (!says || strchr(word, ' ') || strlen(word) < 4)
                        continue;
                size_t edits = measure(text, word, most);
                if (edits > most)
                        continue;
                most = edits == 0 ? 0 : edits - 1;
                nearest = word;
        }
        return nearest;
}
