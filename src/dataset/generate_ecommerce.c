/* ecommerce: 180 days of a shop. Products first, then orders by day, then what is on them. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "dataset/generators.h"
#include "dataset/random.h"

#include <stdio.h>

#define DAYS 180
#define ORDERS 4018
#define ITEMS 9008
#define PRODUCTS 500
#define ITEMS_PER_ORDER_MAX 5
#define FIRST_ORDER 1001
#define FIRST_ITEM 10001
#define FIRST_PRODUCT 201
#define FIRST_CUSTOMER 501
#define CUSTOMERS 2000
#define REGULARS 200 /* of them: they place a third of the orders */

enum category { ELECTRONICS, CLOTHING, HOME, BOOKS, TOYS, CATEGORIES };
enum status { COMPLETED, RETURNED, CANCELLED };

#define ADJECTIVES 15
#define NOUNS 12

static const struct shelf {
        const char *name;
        uint32_t products; /* of PRODUCTS; at most ADJECTIVES * NOUNS */
        uint32_t share;    /* of the items, percent */
        int price_low;     /* USD */
        int price_high;
        uint32_t returns;      /* percent of orders with nothing else */
        uint32_t discounts[6]; /* weights of 5, 10 .. 30 % */
        const char *adjectives[ADJECTIVES];
        const char *nouns[NOUNS];
} shelves[CATEGORIES] = {
        [ELECTRONICS] =
                {
                        .name = "Electronics",
                        .products = 150,
                        .share = 30,
                        .price_low = 20,
                        .price_high = 500,
                        .returns = 21,
                        .discounts = {24, 24, 20, 14, 10, 8},
                        .adjectives = {"Wireless", "Compact", "Smart", "Portable", "Pro", "Ultra",
                                       "Mini", "Classic", "Noise-Cancelling", "4K", "Solar",
                                       "Foldable", "Fast-Charging", "Rugged", "Slim"},
                        .nouns = {"Headphones", "Speaker", "Keyboard", "Mouse", "27\" Monitor",
                                  "Tablet", "Webcam", "Charger", "Router", "Camera", "Smartwatch",
                                  "Power Bank"},
                },
        [CLOTHING] =
                {
                        .name = "Clothing",
                        .products = 175,
                        .share = 35,
                        .price_low = 10,
                        .price_high = 150,
                        .returns = 40,
                        .discounts = {8, 12, 20, 22, 20, 18},
                        .adjectives = {"Cotton", "Linen", "Wool", "Denim", "Striped", "Slim-Fit",
                                       "Relaxed", "Hooded", "Quilted", "Waterproof", "Knitted",
                                       "Printed", "Vintage", "Thermal", "Organic"},
                        .nouns = {"T-Shirt", "Shirt", "Jeans", "Jacket", "Sweater", "Dress",
                                  "Skirt", "Coat", "Shorts", "Socks", "Scarf", "Cap"},
                },
        [HOME] =
                {
                        .name = "Home",
                        .products = 100,
                        .share = 20,
                        .price_low = 15,
                        .price_high = 300,
                        .returns = 17,
                        .discounts = {15, 20, 22, 18, 14, 11},
                        .adjectives = {"Oak", "Ceramic", "Steel", "Bamboo", "Glass", "Velvet",
                                       "Marble", "Copper", "Handmade", "Stackable", "Folding",
                                       "Scented", "Cast-Iron", "Rattan", "Enamel"},
                        .nouns = {"Lamp", "Vase", "Cushion", "Bookshelf", "Rug", "Saucepan",
                                  "Kettle", "Mirror", "Stool", "Blanket", "Clock", "Bowl Set"},
                },
        [BOOKS] =
                {
                        .name = "Books",
                        .products = 50,
                        .share = 10,
                        .price_low = 5,
                        .price_high = 50,
                        .returns = 6,
                        .discounts = {40, 26, 16, 9, 6, 3},
                        .adjectives = {"A Short History", "The Joy", "The Art", "Secrets",
                                       "An Atlas", "The Science", "The Little Book", "Adventures",
                                       "A Field Guide", "Lessons", "The Craft", "Stories",
                                       "The Language", "First Steps", "A Year"},
                        .nouns = {"of Gardening", "of Bread", "of the Sea", "of Maps", "of Chess",
                                  "of Mountains, Illustrated", "of Birds", "of Colour",
                                  "of Bridges", "of Numbers", "of Tea", "of Light"},
                },
        [TOYS] =
                {
                        .name = "Toys",
                        .products = 25,
                        .share = 5,
                        .price_low = 8,
                        .price_high = 80,
                        .returns = 15,
                        .discounts = {12, 18, 24, 20, 14, 12},
                        .adjectives = {"Wooden", "Magnetic", "Plush", "Giant", "Musical",
                                       "Glow-in-the-Dark", "Puzzle", "Remote-Control", "Floating",
                                       "Stacking", "Soft", "Wind-Up", "Colourful",
                                       "Tiny", "Junior"},
                        .nouns = {"Train", "Robot", "Dinosaur", "Blocks", "Castle", "Racing Car",
                                  "Bear", "Boat", "Drum", "Rocket", "Farm", "Marble Run"},
                },
};

struct product {
        char name[64];
        enum category category;
        int price_cents;
        int stock;
};

struct item {
        uint32_t product;
        int quantity;
        int discount; /* percent */
};

struct order {
        int64_t day; /* since 1970-01-01 */
        int customer;
        uint32_t n_items;
        struct item items[ITEMS_PER_ORDER_MAX];
        enum status status;
};

struct shop {
        struct random random;
        struct product products[PRODUCTS];
        uint32_t first[CATEGORIES + 1]; /* a category's products are first[c] .. first[c+1]-1 */
        uint32_t shuffled[PRODUCTS];    /* within each category: whoever comes first sells best */
        uint32_t customers[CUSTOMERS];  /* the first REGULARS of them order often */
        struct order orders[ORDERS];
};

/* Prices end in .99, .95, .49 or .00 and are likelier low than high. */
static int price_draw(struct random *random, const struct shelf *shelf)
{
        static const int endings[] = {99, 95, 49, 0};
        int a = random_range(random, shelf->price_low, shelf->price_high - 1);
        int b = random_range(random, shelf->price_low, shelf->price_high - 1);
        int dollars = random_chance(random, 2, 3) && b < a ? b : a;
        return dollars * 100 + endings[random_below(random, ARRAY_SIZE(endings))];
}

static void products_make(struct shop *shop)
{
        struct random *random = &shop->random;
        uint32_t n = 0;
        for (int c = 0; c < CATEGORIES; c++) {
                const struct shelf *shelf = &shelves[c];
                uint32_t names[ADJECTIVES * NOUNS];
                random_order(random, names, ARRAY_SIZE(names));
                shop->first[c] = n;
                random_order(random, shop->shuffled + n, shelf->products);
                for (uint32_t i = 0; i < shelf->products; i++, n++) {
                        struct product *product = &shop->products[n];
                        product->category = (enum category)c;
                        product->price_cents = price_draw(random, shelf);
                        (void)snprintf(product->name, sizeof(product->name), "%s %s",
                                       shelf->adjectives[names[i] / NOUNS],
                                       shelf->nouns[names[i] % NOUNS]);
                }
        }
        shop->first[CATEGORIES] = n;
}

/* A tenth of the products is sold out, three tenths are low. */
static void stock_make(struct shop *shop)
{
        uint32_t order[PRODUCTS];
        random_order(&shop->random, order, PRODUCTS);
        for (uint32_t i = 0; i < PRODUCTS; i++) {
                int *stock = &shop->products[order[i]].stock;
                if (i < PRODUCTS / 10)
                        *stock = 0;
                else if (i < PRODUCTS * 4 / 10)
                        *stock = random_range(&shop->random, 1, 19);
                else
                        *stock = random_range(&shop->random, 20, 500);
        }
}

/* Spreads the orders over the days: weekends 30 % more, each day a little different. */
static void days_make(struct shop *shop)
{
        uint32_t weights[DAYS];
        uint64_t sum = 0;
        for (int d = 0; d < DAYS; d++) {
                int weekday = weekday_of(GENERATE_AS_OF_DAY - DAYS + d);
                uint32_t base = weekday == 0 || weekday == 6 ? 13 : 10;
                weights[d] = base * (uint32_t)random_range(&shop->random, 85, 115);
                sum += weights[d];
        }
        uint64_t upto = 0;
        uint32_t n = 0;
        for (int d = 0; d < DAYS; d++) {
                upto += weights[d];
                for (; n < upto * ORDERS / sum; n++)
                        shop->orders[n].day = GENERATE_AS_OF_DAY - DAYS + d;
        }
}

/* How many items each order has: 1 to 5, ITEMS in all. */
static void sizes_make(struct shop *shop)
{
        static const uint32_t weights[ITEMS_PER_ORDER_MAX] = {33, 30, 20, 11, 6};
        uint32_t sum = 0;
        for (uint32_t i = 0; i < ORDERS; i++) {
                uint32_t n = 1 + (uint32_t)random_pick(&shop->random, weights, ARRAY_SIZE(weights));
                shop->orders[i].n_items = n;
                sum += n;
        }
        while (sum != ITEMS) {
                uint32_t *n = &shop->orders[random_below(&shop->random, ORDERS)].n_items;
                if (sum > ITEMS && *n > 1) {
                        --*n;
                        sum--;
                } else if (sum < ITEMS && *n < ITEMS_PER_ORDER_MAX) {
                        ++*n;
                        sum++;
                }
        }
}

static uint32_t product_draw(struct shop *shop, enum category category)
{
        uint32_t n = shelves[category].products;
        uint32_t a = random_below(&shop->random, n);
        uint32_t b = random_below(&shop->random, n);
        uint32_t first = shop->first[category];
        return first + shop->shuffled[first + (a < b ? a : b)];
}

static bool order_has(const struct order *order, uint32_t n, uint32_t product)
{
        for (uint32_t i = 0; i < n; i++)
                if (order->items[i].product == product)
                        return true;
        return false;
}

static enum category category_draw(struct random *random)
{
        uint32_t weights[CATEGORIES];
        for (int c = 0; c < CATEGORIES; c++)
                weights[c] = shelves[c].share;
        return (enum category)random_pick(random, weights, CATEGORIES);
}

/* An order's items are different products; most are of the first one's category. */
static void items_make(struct shop *shop, struct order *order)
{
        static const uint32_t quantities[] = {65, 25, 10};
        struct random *random = &shop->random;
        enum category first = category_draw(random);
        for (uint32_t i = 0; i < order->n_items; i++) {
                struct item *item = &order->items[i];
                enum category category =
                        i == 0 || random_chance(random, 65, 100) ? first : category_draw(random);
                do {
                        item->product = product_draw(shop, category);
                } while (order_has(order, i, item->product));
                item->quantity = 1 + (int)random_pick(random, quantities, ARRAY_SIZE(quantities));
                if (random_chance(random, 45, 100))
                        item->discount =
                                5 + 5 * (int)random_pick(random, shelves[category].discounts, 6);
        }
}

/* One order in seventeen is cancelled; the others are returned as their categories have it. */
static enum status status_draw(struct shop *shop, const struct order *order)
{
        uint32_t returns = 0;
        for (uint32_t i = 0; i < order->n_items; i++)
                returns += shelves[shop->products[order->items[i].product].category].returns;
        if (random_chance(&shop->random, 1, 17))
                return CANCELLED;
        return random_chance(&shop->random, returns, 100 * order->n_items) ? RETURNED : COMPLETED;
}

static void orders_make(struct shop *shop)
{
        days_make(shop);
        sizes_make(shop);
        random_order(&shop->random, shop->customers, CUSTOMERS);
        for (uint32_t i = 0; i < ORDERS; i++) {
                struct order *order = &shop->orders[i];
                uint32_t among = random_chance(&shop->random, 1, 3) ? REGULARS : CUSTOMERS;
                order->customer =
                        FIRST_CUSTOMER + (int)shop->customers[random_below(&shop->random, among)];
                items_make(shop, order);
                order->status = status_draw(shop, order);
        }
}

/* Summed exactly in hundredths of a cent, then rounded once, half up. */
static int64_t order_total_cents(const struct shop *shop, const struct order *order)
{
        int64_t sum = 0;
        for (uint32_t i = 0; i < order->n_items; i++) {
                const struct item *item = &order->items[i];
                sum += (int64_t)shop->products[item->product].price_cents * item->quantity *
                       (100 - item->discount);
        }
        return (sum + 50) / 100;
}

static void orders_write(const struct shop *shop, struct csv_out *csv)
{
        static const char *const names[] = {"completed", "returned", "cancelled"};
        csv_out_init(csv, "order_id,customer_id,order_date,total,status,returned");
        for (uint32_t i = 0; i < ORDERS; i++) {
                const struct order *order = &shop->orders[i];
                csv_out_int(csv, FIRST_ORDER + i);
                csv_out_int(csv, order->customer);
                csv_out_date(csv, order->day);
                csv_out_fixed(csv, order_total_cents(shop, order), 2);
                csv_out_text(csv, names[order->status]);
                csv_out_bool(csv, order->status == RETURNED);
                csv_out_end(csv);
        }
}

static void items_write(const struct shop *shop, struct csv_out *csv)
{
        csv_out_init(csv, "item_id,order_id,product_id,category,quantity,price,discount");
        uint32_t n = 0;
        for (uint32_t i = 0; i < ORDERS; i++) {
                const struct order *order = &shop->orders[i];
                for (uint32_t k = 0; k < order->n_items; k++) {
                        const struct item *item = &order->items[k];
                        const struct product *product = &shop->products[item->product];
                        csv_out_int(csv, FIRST_ITEM + n++);
                        csv_out_int(csv, FIRST_ORDER + i);
                        csv_out_int(csv, FIRST_PRODUCT + item->product);
                        csv_out_text(csv, shelves[product->category].name);
                        csv_out_int(csv, item->quantity);
                        csv_out_fixed(csv, product->price_cents, 2);
                        csv_out_int(csv, item->discount);
                        csv_out_end(csv);
                }
        }
}

static void inventory_write(const struct shop *shop, struct csv_out *csv)
{
        csv_out_init(csv, "product_id,name,category,stock");
        for (uint32_t i = 0; i < PRODUCTS; i++) {
                const struct product *product = &shop->products[i];
                csv_out_int(csv, FIRST_PRODUCT + i);
                csv_out_text(csv, product->name);
                csv_out_text(csv, shelves[product->category].name);
                csv_out_int(csv, product->stock);
                csv_out_end(csv);
        }
}

int generate_ecommerce(struct csv_out *tables, struct error *err)
{
        _cleanup_free_ struct shop *shop = alloc_calloc(1, sizeof(*shop));
        if (!shop)
                return error_oom(err);
        random_init(&shop->random, 20260131, 1);
        products_make(shop);
        stock_make(shop);
        orders_make(shop);
        orders_write(shop, &tables[0]);
        items_write(shop, &tables[1]);
        inventory_write(shop, &tables[2]);
        return 0;
}
