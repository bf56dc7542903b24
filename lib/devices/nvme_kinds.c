// SPDX-License-Identifier: MIT
/*
 * Which NVMe controllers and namespaces nvme.c handles
 *
 * What a controller says of itself decides how far doorbells are apart and how
 * many bytes a command moves: what is taken for granted there is refused here.
 * Offsets and bits are from the NVM Express Base Specification.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nvme.h"
#include "nvme_kinds.h"

#define CAP_MQES(cap) ((uint32_t)((cap) & 0xffff))
#define CAP_TO(cap) ((uint32_t)((cap) >> 24 & 0xff))
#define CAP_DSTRD(cap) ((uint32_t)((cap) >> 32 & 0xf))
#define CAP_CSS_NVM(cap) ((cap) >> 37 & 1)
#define CAP_MPSMIN(cap) ((uint32_t)((cap) >> 48 & 0xf))

/* Units of CAP.TO */
#define TO_MS 500u

/* Where in what IDENTIFY tells of a controller */
#define CONTROLLER_MDTS 77
#define CONTROLLER_SQES 512
#define CONTROLLER_CQES 513
#define CONTROLLER_VWC 525

/* The least of both: 64 and 16 bytes, as powers of two */
#define SQES 6
#define CQES 4

/* The same of a namespace */
#define NAMESPACE_SIZE 0
#define NAMESPACE_NLBAF 25
#define NAMESPACE_FLBAS 26
#define NAMESPACE_DPS 29
#define NAMESPACE_LBAF 128

/* Blocks, as powers of two */
#define MIN_SHIFT 9
#define MAX_SHIFT 31

#define PAGE 4096u

static int __attribute__((format(printf, 2, 3)))
refuse(struct nvme *nvme, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(nvme->why, sizeof(nvme->why), fmt, args);
	va_end(args);
	return -EOPNOTSUPP;
}

uint64_t nvme_timeout_ms(uint64_t cap, uint64_t least)
{
	uint64_t ms = (uint64_t)CAP_TO(cap) * TO_MS;

	return ms > least ? ms : least;
}

int __nvme_check_cap(struct nvme *nvme)
{
	const uint64_t cap = nvme->cap, bar = nvme->dev.region[0].size;
	uint64_t end;

	if (cap == UINT64_MAX)
		return refuse(nvme, "its registers cannot be read");
	if (!CAP_CSS_NVM(cap))
		return refuse(nvme, "it has no NVM command set");
	if (CAP_MPSMIN(cap))
		return refuse(nvme, "its pages have at least %u KiB, not 4",
			      4u << CAP_MPSMIN(cap));
	if (CAP_MQES(cap) + 1 < NVME_ENTRIES)
		return refuse(nvme, "its queues have at most %u entries, not %u",
			      CAP_MQES(cap) + 1, NVME_ENTRIES);
	nvme->doorbell = 4u << CAP_DSTRD(cap);
	/* Two doorbells of two queues each */
	end = NVME_DOORBELLS + 4ull * nvme->doorbell;
	if (end > bar)
		return refuse(nvme, "its doorbells, %u bytes apart, are beyond its BAR0, which has 0x%"
			      PRIx64, nvme->doorbell, bar);
	return 0;
}

int __nvme_learn_controller(struct nvme *nvme, const uint8_t *page)
{
	const uint8_t mdts = page[CONTROLLER_MDTS];

	if ((page[CONTROLLER_SQES] & 0xf) != SQES ||
	    (page[CONTROLLER_CQES] & 0xf) != CQES)
		return refuse(nvme, "its queue entries have other sizes than 64 and 16 bytes");
	/* A power of two, in its smallest pages; 0 is no limit */
	nvme->max = NVME_MAX;
	if (mdts && mdts < __builtin_ctz(NVME_MAX / PAGE))
		nvme->max = PAGE << mdts;
	nvme->cache = page[CONTROLLER_VWC] & 1;
	return 0;
}

int __nvme_learn_namespace(struct nvme *nvme, const uint8_t *page)
{
	const uint8_t flbas = page[NAMESPACE_FLBAS];
	unsigned int format = flbas & 0xf, shift, metadata;
	const uint8_t *lbaf;
	uint64_t blocks;

	nvme->size = 0;
	memcpy(&blocks, page + NAMESPACE_SIZE, sizeof(blocks));
	/* Not there, or not this controller's */
	if (!blocks)
		return 0;
	/* The upper bits count only where there are so many formats */
	if (page[NAMESPACE_NLBAF] >= 16)
		format |= flbas >> 1 & 0x30;
	lbaf = page + NAMESPACE_LBAF + 4 * format;
	metadata = lbaf[0] | lbaf[1] << 8;
	shift = lbaf[2];
	if (format > page[NAMESPACE_NLBAF])
		return refuse(nvme, "its block format %u is not one of its %u",
			      format, page[NAMESPACE_NLBAF] + 1);
	if (metadata)
		return refuse(nvme, "each of its blocks has %u bytes of metadata",
			      metadata);
	if (page[NAMESPACE_DPS] & 7)
		return refuse(nvme, "its blocks have protection information");
	if (shift < MIN_SHIFT || shift > MAX_SHIFT ||
	    (nvme->max && 1u << shift > nvme->max))
		return refuse(nvme, "its blocks have 2^%u bytes", shift);
	if (blocks > UINT64_MAX >> shift)
		return refuse(nvme, "it says that it has 0x%" PRIx64
			      " blocks of 2^%u bytes", blocks, shift);
	nvme->block = 1u << shift;
	nvme->size = blocks << shift;
	return 0;
}
