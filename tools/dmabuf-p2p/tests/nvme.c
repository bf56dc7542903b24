// SPDX-License-Identifier: GPL-2.0
/*
 * What the NVMe driver of the engine makes of controllers and namespaces that are
 * not as usual, and of completions that nobody waits for
 *
 * Its registers and queues are memory here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/nvme.h"
#include "tap.h"

/* 64 entries, 500 ms, NVM commands, doorbells side by side, pages from 4 KiB */
#define CAP_USUAL (63ull | 1ull << 24 | 1ull << 37)
#define BAR_USUAL 16384

/* As the specification has them, beside what nvme.c takes from it */
#define IO_CQ_PAGE 3
#define NR_PAGES (5 + NVME_DEPTH)

static uint8_t page[4096];

static bool cap_refused(uint64_t cap, uint64_t bar, const char *why)
{
	struct nvme nvme = { .cap = cap };

	nvme.dev.region[0].size = bar;
	return __nvme_check_cap(&nvme) == -EOPNOTSUPP && strstr(nvme.why, why);
}

static void test_cap(void)
{
	struct nvme nvme = { .cap = CAP_USUAL };

	nvme.dev.region[0].size = BAR_USUAL;
	tap_ok(!__nvme_check_cap(&nvme) && nvme.doorbell == 4,
	       "a usual controller");
	nvme.cap |= 8ull << 32;
	tap_ok(!__nvme_check_cap(&nvme) && nvme.doorbell == 1024,
	       "doorbells 1 KiB apart");
	nvme.dev.region[0].size = 8192;
	tap_ok(!__nvme_check_cap(&nvme), "the last doorbell ends with the BAR");
	tap_ok(cap_refused(CAP_USUAL | 9ull << 32, 8192, "beyond its BAR0") &&
		       cap_refused(CAP_USUAL | 15ull << 32, BAR_USUAL,
				   "131072 bytes apart") &&
		       cap_refused(CAP_USUAL, 4096, "beyond its BAR0"),
	       "doorbells beyond the BAR");
	tap_ok(cap_refused(CAP_USUAL | 1ull << 48, BAR_USUAL, "at least 8 KiB"),
	       "pages larger than 4 KiB");
	tap_ok(cap_refused(CAP_USUAL & ~0xffffull, BAR_USUAL, "at most 1 ") &&
		       cap_refused((CAP_USUAL & ~0xffffull) | 30, BAR_USUAL,
				   "at most 31 "),
	       "short queues");
	tap_ok(cap_refused(CAP_USUAL & ~(1ull << 37), BAR_USUAL, "command set"),
	       "no NVM commands");
	tap_ok(cap_refused(UINT64_MAX, BAR_USUAL, "cannot be read"),
	       "a controller that is gone");
}

static bool mdts_is(uint8_t mdts, uint32_t max)
{
	struct nvme nvme = { 0 };

	memset(page, 0, sizeof(page));
	page[77] = mdts;
	page[512] = 0x66;
	page[513] = 0x44;
	return !__nvme_learn_controller(&nvme, page) && nvme.max == max;
}

static void test_controller(void)
{
	struct nvme nvme = { 0 };

	tap_ok(mdts_is(0, NVME_MAX) && mdts_is(1, 8192) &&
		       mdts_is(5, 131072) && mdts_is(6, NVME_MAX) &&
		       mdts_is(31, NVME_MAX) && mdts_is(32, NVME_MAX) &&
		       mdts_is(255, NVME_MAX),
	       "how long commands may be");
	page[525] = 1;
	tap_ok(!__nvme_learn_controller(&nvme, page) && nvme.cache,
	       "a volatile write cache");
	page[512] = 0x67;
	tap_ok(__nvme_learn_controller(&nvme, page) == -EOPNOTSUPP,
	       "submission entries of 128 bytes");
}

/* A namespace of 2^20 blocks with 64 formats of which one is not like the rest */
static struct nvme namespace(uint8_t flbas, unsigned int odd, uint8_t shift,
			     uint16_t metadata)
{
	struct nvme nvme = { .max = NVME_MAX };
	unsigned int i;

	memset(page, 0, sizeof(page));
	page[2] = 0x10;
	page[25] = 63;
	page[26] = flbas;
	for (i = 0; i < 64; i++) {
		uint8_t *lbaf = page + 128 + 4 * i;

		lbaf[0] = i == odd ? (uint8_t)metadata : 0;
		lbaf[1] = i == odd ? (uint8_t)(metadata >> 8) : 0;
		lbaf[2] = i == odd ? shift : 9;
	}
	return nvme;
}

static bool format_is(uint8_t flbas, unsigned int odd, uint8_t shift)
{
	struct nvme nvme = namespace(flbas, odd, shift, 0);

	return !__nvme_learn_namespace(&nvme, page) &&
	       nvme.block == 1u << shift && nvme.size == 1ull << (20 + shift);
}

static bool format_refused(uint8_t flbas, unsigned int odd, uint8_t shift,
			   uint16_t metadata, const char *why)
{
	struct nvme nvme = namespace(flbas, odd, shift, metadata);

	return __nvme_learn_namespace(&nvme, page) == -EOPNOTSUPP &&
	       !nvme.size && strstr(nvme.why, why);
}

static void test_namespace(void)
{
	struct nvme nvme;

	tap_ok(format_is(0, 63, 9) && format_is(3, 3, 12),
	       "blocks of 512 and of 4096 bytes");
	/* Bits 6:5 are the upper ones; bit 4 is none of them */
	tap_ok(format_is(0x21, 0x11, 12) && format_is(0x6f, 0x3f, 12) &&
		       format_is(0x10, 0, 9),
	       "a format beyond the 16th");
	nvme = namespace(0x21, 1, 12, 0);
	page[25] = 15;
	tap_ok(!__nvme_learn_namespace(&nvme, page) && nvme.block == 4096,
	       "the upper bits do not count if there are 16 formats");
	nvme = namespace(5, 5, 12, 0);
	page[25] = 4;
	tap_ok(__nvme_learn_namespace(&nvme, page) == -EOPNOTSUPP,
	       "a format that there is not");
	tap_ok(format_refused(0x10, 0, 9, 8, "8 bytes of metadata") &&
		       format_refused(0, 0, 12, 64, "64 bytes of metadata") &&
		       format_refused(0, 0, 12, 256, "256 bytes of metadata"),
	       "metadata, behind the data and elsewhere");
	nvme = namespace(0, 63, 9, 0);
	page[29] = 1;
	tap_ok(__nvme_learn_namespace(&nvme, page) == -EOPNOTSUPP &&
		       strstr(nvme.why, "protection"),
	       "protection information");
	tap_ok(format_refused(0, 0, 0, 0, "2^0") &&
		       format_refused(0, 0, 8, 0, "2^8") &&
		       format_refused(0, 0, 19, 0, "2^19") &&
		       format_refused(0, 0, 32, 0, "2^32") &&
		       format_refused(0, 0, 41, 0, "2^41") &&
		       format_refused(0, 0, 255, 0, "2^255"),
	       "blocks that are too small or too large");
	nvme = namespace(0, 63, 9, 0);
	memset(page, 0xff, 8);
	tap_ok(__nvme_learn_namespace(&nvme, page) == -EOPNOTSUPP,
	       "more bytes than 64 bits count");
	nvme = namespace(0, 63, 9, 0);
	memset(page, 0, sizeof(page));
	tap_ok(!__nvme_learn_namespace(&nvme, page) && !nvme.size,
	       "no namespace 1");
}

/* The controller answers: the first completion of the first round */
static int answer(struct nvme *nvme, uint16_t id, uint16_t queue,
		  uint16_t head, uint16_t status, unsigned int *slot)
{
	const uint16_t done[] = { 0, 0, 0, 0, head, queue, id,
				  (uint16_t)(status << 1 | 1) };

	*slot = 77;
	memcpy(nvme->queues + IO_CQ_PAGE * 4096, done, sizeof(done));
	return __nvme_poll(nvme, slot);
}

static void test_completion(void)
{
	struct nvme nvme = {
		.doorbell = 4, .block = 512, .size = 1 << 20, .max = NVME_MAX,
		.cq_phase = { 1, 1 },
	};
	uint8_t *regs = calloc(1, BAR_USUAL);
	unsigned int slot;

	nvme.queues = calloc(NR_PAGES, 4096);
	nvme.regs = regs;
	if (!regs || !nvme.queues)
		exit(1);

	tap_ok(__nvme_poll(&nvme, &slot) == -EAGAIN, "no completion");
	tap_ok(answer(&nvme, 0, 1, 0, 0, &slot) == -EPROTO,
	       "a completion though no command is under way");
	tap_ok(!__nvme_post(&nvme, 3, false, 0, 4096, 512) &&
		       __nvme_post(&nvme, 3, false, 0, 4096, 512) == -EBUSY,
	       "a slot is used for one command at a time");
	tap_ok(answer(&nvme, 65535, 1, 1, 0, &slot) == -EPROTO &&
		       answer(&nvme, NVME_DEPTH, 1, 1, 0, &slot) == -EPROTO &&
		       answer(&nvme, 4, 1, 1, 0, &slot) == -EPROTO &&
		       slot == 77 && strstr(nvme.why, "command 4 of queue 1"),
	       "a completion of a command that is not under way");
	tap_ok(answer(&nvme, 3, 0, 1, 0, &slot) == -EPROTO &&
		       answer(&nvme, 3, 2, 1, 0, &slot) == -EPROTO,
	       "a completion for another queue");
	tap_ok(answer(&nvme, 3, 1, 32, 0, &slot) == -EPROTO &&
		       answer(&nvme, 3, 1, 65535, 0, &slot) == -EPROTO,
	       "a head beyond the queue");
	tap_ok(answer(&nvme, 3, 1, 1, 0x4, &slot) == 0x4 && slot == 3 &&
		       !nvme.busy && *(uint32_t *)(regs + 0x100c) == 1,
	       "the right completion, and its doorbell");
	tap_ok(!__nvme_flush(&nvme), "nothing to flush without a cache");
	free(nvme.queues);
	free(regs);
}

/* Config space is a file here */
static void test_interrupt(void)
{
	const uint16_t command = 0x0006;
	struct vfio_device dev = { .fd = memfd_create("config", MFD_CLOEXEC) };
	uint16_t now = 0;

	dev.region[VFIO_PCI_CONFIG_REGION_INDEX].offset = 4096;
	tap_ok(pwrite(dev.fd, &command, 2, 4096 + 4) == 2 &&
		       !__vfio_mask_intx(&dev) &&
		       pread(dev.fd, &now, 2, 4096 + 4) == 2 && now == 0x0406,
	       "a device keeps its interrupt pin to itself");
	close(dev.fd);
}

int main(void)
{
	test_interrupt();
	test_cap();
	test_controller();
	test_namespace();
	test_completion();
	return tap_end();
}
