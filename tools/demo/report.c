// SPDX-License-Identifier: GPL-2.0
/*
 * What the reader sees
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "report.h"

#define BOLD "1"
#define FAINT "2"
#define RED "1;31"
#define GREEN "32"

#define NOT_RUN "-"
#define OK "ok"
#define FAILED "FAILED"

/* stock: what Linux 7.3.4 as released does, measured in the same VM */
static struct {
	const char *name;
	const char *shows;
	const char *checked;
	const char *stock;
	const char *result;
} steps[NR_STEPS] = {
	[STEP_EXPORT] = {
		"export", "Scattered ranges of a BAR become one dma-buf",
		"size of the dma-buf", "ok" },
	[STEP_MAP] = {
		"map", "IOMMU_IOAS_MAP_FILE makes them contiguous for a device",
		"the IOMMU's tables, entry by entry", "-EOPNOTSUPP" },
	[STEP_WRITE] = {
		"write", "A device writes into the other one's BAR",
		"bytes and neighbours, across 2 range ends",
		"not possible" },
	[STEP_READ] = {
		"read", "A device reads the other one's BAR",
		"bytes, across a range end", "not possible" },
	[STEP_REVOKE] = {
		"revoke", "The exporter's memory goes off: access stops at once",
		"tables empty, fault logged, BAR unchanged",
		"ok (one range)" },
	[STEP_RESTORE] = {
		"restore", "Memory comes back: so does access, nobody asks for it",
		"bytes, with no call made in between", "still faults" },
	[STEP_NVME] = {
		"disk to BAR", "An NVMe controller reads its disk into the BAR",
		"8 MiB and the gaps of 64 ranges", "-EOPNOTSUPP" },
	[STEP_NVME_REVOKE] = {
		"interrupted", "Memory goes off while the disk is being read",
		"which bytes arrived; all after restore", "lost for good" },
	[STEP_BARS] = {
		"several BARs", "Two BARs of a device become one dma-buf",
		"bytes of both BARs in one transfer", "-EINVAL" },
	[STEP_UDMABUF] = {
		"CPU memory", "The same call takes a dma-buf of ordinary memory",
		"bytes in the memfd behind it", "-EOPNOTSUPP" },
	[STEP_KVM] = {
		"guest", "A guest writes into the BAR, another device reads it",
		"bytes both ways; a fault while revoked",
		"not possible" },
	[STEP_RDMA] = {
		"RDMA", "An RDMA device writes into the BAR",
		"bytes; refused while revoked; bytes again",
		"-EADDRINUSE" },
};

static void (*report_cleanup)(void);
static bool colour;
static int current = -1;
static const char *current_device;

static void report_failure(const char *remedy, const char *cause);

void report_init(void (*cleanup)(void))
{
	const char *no = getenv("NO_COLOR");

	colour = (isatty(STDOUT_FILENO) || getenv("DMABUF_TTY")) &&
		 !(no && *no);
	setvbuf(stdout, NULL, _IOLBF, 0);
	report_cleanup = cleanup;
	fail_by(report_failure);
}

static const char *on(const char *code)
{
	static char buf[16];

	if (!colour)
		return "";
	snprintf(buf, sizeof(buf), "\033[%sm", code);
	return buf;
}

static const char *off(void)
{
	return colour ? "\033[0m" : "";
}

#define PRINT(before, code, fmt)             \
	do {                                 \
		va_list args;                \
					     \
		printf("%s%s", before, on(code)); \
		va_start(args, fmt);         \
		vprintf(fmt, args);          \
		va_end(args);                \
		printf("%s\n", off());       \
	} while (0)

void say(const char *fmt, ...)
{
	va_list args;

	printf("  ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

void heading(const char *fmt, ...)
{
	PRINT("", BOLD, fmt);
}

void faint(const char *fmt, ...)
{
	PRINT("      ", FAINT, fmt);
}

void checked(const char *fmt, ...)
{
	va_list args;

	printf("  %sok%s  ", on(GREEN), off());
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

void step_begin(enum step step, const char *device)
{
	current = step;
	current_device = device;
	steps[step].result = NULL;
	printf("\n");
	heading("%d. %s", step + 1, steps[step].shows);
}

void step_done(void)
{
	steps[current].result = OK;
	current = -1;
	current_device = NULL;
}

/*
 * In a VM of tools/vm/run there is nothing to be gained from starting the same again;
 * run passes on where the kernel's words are
 */
static const char *usual_remedy(void)
{
	static char text[512];
	const char *console = getenv("DMABUF_CONSOLE");

	if (!getenv("DMABUF_KERNEL"))
		return "run 'make demo': it boots a kernel with this repository's code and the devices for it";
	snprintf(text, sizeof(text),
		 "see what the kernel said, %s; a step that fails is a bug: report it with that file",
		 console ? console : "in the console log that tools/vm/run names");
	return text;
}

const char *remedy_no_code(void)
{
	const char *kernel = getenv("DMABUF_KERNEL");

	if (kernel && !strcmp(kernel, "upstream"))
		return "none: this is what the unmodified kernel does; tools/demo/run without --kernel boots ours";
	return usual_remedy();
}

static void report_failure(const char *remedy, const char *cause)
{
	printf("\n%sFAILED%s", on(RED), off());
	if (current >= 0) {
		printf(" in step %d, %s", current + 1, steps[current].name);
		steps[current].result = FAILED;
	}
	printf("\n  device  %s\n  cause   %s\n  remedy  %s\n",
	       current_device ? current_device : "none in particular", cause,
	       remedy ? remedy : usual_remedy());
	report_cleanup();
	report_table();
}

void report_table(void)
{
	int i, passed = 0;

	printf("\n");
	heading("%-16s%-45s%-9s%s", "step", "what was checked", "result",
		"Linux 7.3.4");
	for (i = 0; i < NR_STEPS; i++) {
		const char *result = steps[i].result;

		if (!result)
			result = NOT_RUN;
		passed += !strcmp(result, OK);
		printf("%2d %-13s%-45s%s%-9s%s%s\n", i + 1, steps[i].name,
		       steps[i].checked,
		       on(result[0] == 'F' ? RED : GREEN), result, off(),
		       steps[i].stock);
	}
	printf("\n");
	heading("%d of %d steps ok", passed, NR_STEPS);
}
