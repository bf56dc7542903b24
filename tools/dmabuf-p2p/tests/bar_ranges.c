// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges as users write them
 */
#include <errno.h>
#include <string.h>

#include "bar_ranges.h"
#include "tap.h"

#define MiB(n) ((uint64_t)(n) << 20)

/* Memory BARs of 1 MiB and 64 MiB */
static const uint64_t sizes[6] = { MiB(1), 0, MiB(64), 0, 0, 0 };

static void good(const char *text, const struct bar_range *want, size_t nr)
{
	char error[BAR_RANGES_ERROR] = "";
	struct bar_ranges ranges;
	uint64_t sum = 0;
	bool same;
	size_t i;

	if (bar_ranges_parse(&ranges, text, error) ||
	    bar_ranges_resolve(&ranges, sizes, 4096, error)) {
		printf("# %s\n", error);
		tap_ok(false, text);
		return;
	}
	same = ranges.nr == nr;
	for (i = 0; same && i < nr; i++) {
		same = ranges.range[i].bar == want[i].bar &&
		       ranges.range[i].offset == want[i].offset &&
		       ranges.range[i].length == want[i].length;
		sum += want[i].length;
	}
	tap_ok(same && ranges.size == sum, text);
	bar_ranges_free(&ranges);
}

/* @want is all of the message */
static void bad(const char *text, const char *want)
{
	char error[BAR_RANGES_ERROR] = "";
	struct bar_ranges ranges;
	int ret = bar_ranges_parse(&ranges, text, error);

	if (!ret)
		ret = bar_ranges_resolve(&ranges, sizes, 4096, error);
	if (ret != -EINVAL || strcmp(error, want))
		printf("# %d '%s'\n# instead of '%s'\n", ret, error, want);
	tap_ok(ret == -EINVAL && !strcmp(error, want), text);
	bar_ranges_free(&ranges);
}

#define GOOD(text, ...)                                       \
	good(text, (const struct bar_range[]){ __VA_ARGS__ }, \
	     sizeof((const struct bar_range[]){ __VA_ARGS__ }) / \
		     sizeof(struct bar_range))

static void test_good(void)
{
	GOOD("bar2", { 2, 0, MiB(64) });
	GOOD("bar2:0-16M", { 2, 0, MiB(16) });
	GOOD("BAR2:16M-17M", { 2, MiB(16), MiB(1) });
	GOOD("bar2:32M+4K", { 2, MiB(32), 4096 });
	GOOD("bar2:0-16M,bar2:32M+4K", { 2, 0, MiB(16) },
	     { 2, MiB(32), 4096 });
	GOOD("bar0,bar2:63M+1MiB", { 0, 0, MiB(1) }, { 2, MiB(63), MiB(1) });
	GOOD("bar2:0x1000-0x3000", { 2, 4096, 8192 });
	/* Twice the same bytes is allowed */
	GOOD("bar0:0+4K,bar0:0+4K", { 0, 0, 4096 }, { 0, 0, 4096 });
}

static void test_bad_text(void)
{
	bad("", "'' is not one of bar0 to bar5");
	bad("bar6", "'bar6' is not one of bar0 to bar5");
	bad("bar", "'bar' is not one of bar0 to bar5");
	bad("bar22:0-4K", "'bar22' is not one of bar0 to bar5");
	bad("bar2,", "'' is not one of bar0 to bar5");
	bad("2:0-4K", "'2' is not one of bar0 to bar5");
	bad("bar2:", "'' is neither START-END nor START+LENGTH");
	bad("bar2:4K", "'4K' is neither START-END nor START+LENGTH");
	bad("bar2:-4K", "'-4K': no such sizes");
	bad("bar2:0-", "'0-': no such sizes");
	bad("bar2:0+x", "'0+x': no such sizes");
	bad("bar2:0-4K-8K", "'0-4K-8K': no such sizes");
	bad("bar2:8K-4K", "'8K-4K' ends before it starts");
	bad("bar2:4K-4K", "'4K-4K' ends before it starts");
	bad("bar2:4K+0", "'4K+0' is empty");
	bad("bar2:0xfffffffffffff000+8K",
	    "'0xfffffffffffff000+8K': the end overflows");
	bad("bar2:0-99999999999999999999", "'0-99999999999999999999': no such sizes");
}

static void test_bad_for_device(void)
{
	bad("bar1", "there is no memory BAR1");
	bad("bar2:0-65M", "bar2:0+65M: BAR2 has 64M only");
	bad("bar2:64M+4K", "bar2:64M+4K: BAR2 has 64M only");
	bad("bar0:0-1M,bar0:1020K+8K", "bar0:1020K+8K: BAR0 has 1M only");
	bad("bar2:0+100", "bar2:0+100 is not made of whole pages of 4K");
	bad("bar2:512-4608", "bar2:512+4K is not made of whole pages of 4K");
}

/* A BAR smaller than a page, such as ivshmem's registers */
static void test_small_bar(void)
{
	static const uint64_t small[6] = { 256 };
	char error[BAR_RANGES_ERROR];
	struct bar_ranges ranges;

	tap_ok(!bar_ranges_parse(&ranges, "bar0", error) &&
	       bar_ranges_resolve(&ranges, small, 4096, error) == -EINVAL &&
	       !strcmp(error, "bar0:0+256 is not made of whole pages of 4K"),
	       "a BAR smaller than a page");
	bar_ranges_free(&ranges);
}

static void list_is(const uint64_t bar_size[6], const char *want,
		    const char *name)
{
	char text[BAR_RANGES_ERROR];

	bar_ranges_list(bar_size, 4096, text);
	if (strcmp(text, want))
		printf("# '%s'\n", text);
	tap_ok(!strcmp(text, want), name);
}

static void test_list(void)
{
	static const uint64_t huge[6] = {
		UINT64_MAX - 1, UINT64_MAX - 1, UINT64_MAX - 1,
		UINT64_MAX - 1, UINT64_MAX - 1, UINT64_MAX - 1,
	};
	static const uint64_t small[6] = { 256, 0, 0, 0, MiB(1) };
	static const uint64_t none[6] = { 0 };
	char text[BAR_RANGES_ERROR];

	list_is(sizes, "there are bar0 (1M), bar2 (64M)", "BARs that are there");
	list_is(small, "there are bar0 (256, less than a page), bar4 (1M)",
		"BARs that are there, of which one is too small");
	list_is(none, "it has no BAR that is memory", "no BARs");
	bar_ranges_list(huge, 4096, text);
	tap_ok(strlen(text) < sizeof(text) - 1 && strstr(text, "bar5"),
	       "the longest list is whole");
}

static void test_many(void)
{
	static char text[13 * BAR_RANGES_MAX + 13];
	char error[BAR_RANGES_ERROR] = "";
	struct bar_ranges ranges;
	size_t i;

	for (i = 0; i <= BAR_RANGES_MAX; i++)
		memcpy(text + 13 * i, "bar2:16K+04K,", 13);
	text[13 * (BAR_RANGES_MAX + 1) - 1] = 0;
	tap_ok(bar_ranges_parse(&ranges, text, error) == -EINVAL &&
	       !strcmp(error, "1048577 ranges; a dma-buf takes 1048576"),
	       "one range too many");
	text[13 * BAR_RANGES_MAX - 1] = 0;
	error[0] = 0;
	tap_ok(!bar_ranges_parse(&ranges, text, error) &&
	       !bar_ranges_resolve(&ranges, sizes, 4096, error) &&
	       ranges.nr == BAR_RANGES_MAX &&
	       ranges.size == (uint64_t)BAR_RANGES_MAX << 10 << 2 &&
	       !error[0],
	       "as many ranges as a dma-buf takes");
	bar_ranges_free(&ranges);
}

int main(void)
{
	test_good();
	test_bad_text();
	test_bad_for_device();
	test_small_bar();
	test_list();
	test_many();
	return tap_end();
}
