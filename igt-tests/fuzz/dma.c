// SPDX-License-Identifier: MIT
/*
 * What a device sees: an NVMe controller, whose address space has nothing but what
 * these calls map, each area at the address of its slot
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "devices/iommufd.h"
#include "devices/klog.h"
#include "devices/nvme.h"
#include "devices/sysfs.h"
#include "devices/vfio.h"
#include "file.h"
#include "ops.h"

#define AREA(slot) ((4ull << 30) + (uint64_t)(slot) * (64ull << 20))
#define BLOCK 512u
/* Where a page of ours is, and a block of the disk that nothing else uses */
#define PAGE_IOVA 0x80000ull
#define DISK 0ull

static struct area {
	uint64_t length, page, inode;
	unsigned int prot;
} areas[FUZZ_SLOTS];

static int iommufd = -1;
static uint32_t ioas;
static struct nvme nvme = { .dev.fd = -1 };
static uint64_t *memory;

static long release(unsigned int slot, long what)
{
	struct area *area = &areas[slot];
	int ret = __ioas_unmap(iommufd, ioas, AREA(slot), area->length);

	(void)what;
	area->length = 0;
	return ret ? fuzz_wrong("cannot unmap area %u: %s", slot, strerror(-ret)) : 0;
}

long fuzz_dma_begin(void)
{
	uint64_t iova = PAGE_IOVA;
	long ret;

	fuzz_on_release(FUZZ_AREA, release);
	iommufd = __iommufd_open();
	if (iommufd < 0)
		return iommufd;
	ret = __ioas_alloc(iommufd, &ioas);
	if (!ret)
		ret = __nvme_open(&nvme, getenv("DMABUF_NVME"), iommufd);
	if (!ret)
		ret = __nvme_attach(&nvme, ioas);
	memory = mmap(NULL, FUZZ_PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!ret && memory == MAP_FAILED)
		ret = -ENOMEM;
	if (!ret)
		ret = __ioas_map(iommufd, ioas, memory, FUZZ_PAGE, &iova);
	if (!ret)
		ret = __klog_expect_faults(nvme.dev.addr);
	return ret;
}

void fuzz_dma_end(void)
{
	nvme_close(&nvme);
	close(iommufd);
}

/* dma-buf, start, length, protection, slot */
long call_dma_map(const uint64_t *arg)
{
	uint64_t iova = AREA(arg[4]);
	long ret;

	if (fuzz_take(FUZZ_AREA, (unsigned int)arg[4]) == -FUZZ_WRONG)
		return -FUZZ_WRONG;
	ret = __ioas_map_file_prot(iommufd, ioas, (int)arg[0], arg[1], arg[2],
				   &iova, (uint32_t)arg[3] & 6);
	if (ret)
		return ret;
	if (fuzz_bytes_find((int)arg[0]) &&
	    !fuzz_file_allows((int)arg[0], arg[3] & IOMMU_IOAS_MAP_WRITEABLE)) {
		__ioas_unmap(iommufd, ioas, iova, arg[2]);
		return fuzz_wrong("a device got rights that the descriptor does not have");
	}
	areas[arg[4]] = (struct area) {
		.length = arg[2],
		.page = arg[1] / FUZZ_PAGE,
		.inode = fuzz_bytes_inode((int)arg[0]),
		.prot = (unsigned int)arg[3] & 6,
	};
	return 0;
}

/* Area, slot: the same bytes at another address */
long call_dma_copy(const uint64_t *arg)
{
	struct area area;
	long ret;

	if (arg[0] >= FUZZ_SLOTS || !areas[arg[0]].length || arg[0] == arg[1])
		return -ENOENT;
	if (fuzz_take(FUZZ_AREA, (unsigned int)arg[1]) == -FUZZ_WRONG)
		return -FUZZ_WRONG;
	area = areas[arg[0]];
	ret = __ioas_copy(iommufd, ioas, AREA(arg[1]), ioas, AREA(arg[0]), area.length);
	if (ret)
		return ret;
	if (!(area.prot & IOMMU_IOAS_MAP_WRITEABLE)) {
		__ioas_unmap(iommufd, ioas, AREA(arg[1]), area.length);
		return fuzz_wrong("what was mapped for reading was copied for writing");
	}
	area.prot = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE;
	areas[arg[1]] = area;
	return 0;
}

/*
 * A device gets back what was taken away a moment after that is there again. Only for what
 * it must reach: who cannot map some other dma-buf is behind for as long as he tries.
 */
static void settle(const struct fuzz_bytes *bytes)
{
	uint64_t deadline = now_ms() + fuzz_patience_ms;
	char behind[256];

	while (fuzz_reach(bytes) == FUZZ_MUST && now_ms() < deadline &&
	       dmabuf_is_behind(fuzz_bytes_number(bytes), behind, sizeof(behind)))
		usleep(1000);
}

static long judge(const char *what, uint64_t slot, uint64_t page, bool reached,
		  const uint64_t *word, unsigned int right)
{
	const struct area *area = &areas[slot];

	if (!area->length && reached)
		return fuzz_wrong("%s: nothing is mapped, and it got through", what);
	if (!area->length)
		return 0;
	if (!(area->prot & right))
		return reached ? fuzz_wrong("%s: without the right to", what) : 0;
	return fuzz_judge(what, area->inode, area->page + page, reached, word);
}

static long disk(bool write)
{
	int ret = __nvme_rw(&nvme, write, DISK, PAGE_IOVA, BLOCK);

	return ret ? fuzz_wrong("the disk fails with %d", ret) : 0;
}

/*
 * Area, page of it: to the disk, and from there into memory. The device may take a read
 * that was refused for one of nothing: only the bytes tell.
 */
long call_dma_read(const uint64_t *arg)
{
	uint64_t slot = arg[0] % FUZZ_SLOTS, page;
	struct area *area = &areas[slot];
	const struct fuzz_bytes *bytes;
	bool reached;
	long ret;

	page = area->length ? arg[1] % (area->length / FUZZ_PAGE) : 0;
	bytes = area->length ? fuzz_bytes_by_inode(area->inode) : NULL;
	if (area->length && !fuzz_word(bytes, area->page + page))
		return -EINVAL;
	memset(memory, 0, BLOCK);
	ret = disk(true);
	if (ret)
		return ret;
	settle(bytes);
	ret = __nvme_rw(&nvme, true, DISK, AREA(slot) + page * FUZZ_PAGE, BLOCK);
	if (ret < 0)
		return ret;
	memset(memory, 0xff, BLOCK);
	ret = disk(false);
	if (ret)
		return ret;
	reached = fuzz_is_word(memory[0]);
	if (!reached && memory[0] && memory[0] != UINT64_MAX)
		return fuzz_wrong("a read by a device: 0x%" PRIx64 " is nothing that was written",
				  memory[0]);
	return judge("a read by a device", slot, page, reached, &memory[0],
		     IOMMU_IOAS_MAP_READABLE) ?: reached ? 0 : -EFAULT;
}

/* Nothing but writes by a device changes the second word of a page */
static long expect_number(uint64_t at, uint64_t number)
{
	long ret;

	memset(memory, 0, BLOCK);
	ret = disk(true);
	if (ret)
		return ret;
	ret = __nvme_rw(&nvme, true, DISK, at, BLOCK);
	if (ret < 0)
		return ret;
	ret = disk(false);
	if (!ret && memory[1] != number)
		return fuzz_wrong("a write by a device: 0x%" PRIx64 " is there instead of 0x%" PRIx64,
				  memory[1], number);
	return ret;
}

/*
 * Area, page of it: the word that belongs there, or one that belongs nowhere, and behind it a
 * number that has not been there before
 */
long call_dma_write(const uint64_t *arg)
{
	uint64_t slot = arg[0] % FUZZ_SLOTS, page;
	struct area *area = &areas[slot];
	const struct fuzz_bytes *bytes;
	static uint64_t number;
	uint64_t at;
	long ret, error;

	page = area->length ? arg[1] % (area->length / FUZZ_PAGE) : 0;
	at = AREA(slot) + page * FUZZ_PAGE;
	bytes = area->length ? fuzz_bytes_by_inode(area->inode) : NULL;
	/* Not to registers of a device, nor to memory of somebody else */
	if (area->length && !fuzz_word(bytes, area->page + page))
		return -EINVAL;
	settle(bytes);
	memset(memory, 0, BLOCK);
	memory[0] = fuzz_word(bytes, area->page + page);
	memory[1] = ++number;
	if (!area->length || !(area->prot & IOMMU_IOAS_MAP_WRITEABLE) ||
	    fuzz_reach(bytes) == FUZZ_MUST_NOT)
		memory[0] = 0xbadbadbadbadbadull;
	ret = disk(true);
	if (ret)
		return ret;
	ret = __nvme_rw(&nvme, false, DISK, at, BLOCK);
	/* Writes are posted: whether they got through the bytes tell */
	if (ret < 0)
		return ret;
	if (area->length && area->prot & IOMMU_IOAS_MAP_WRITEABLE &&
	    area->prot & IOMMU_IOAS_MAP_READABLE && fuzz_reach(bytes) == FUZZ_MUST) {
		error = expect_number(at, number);
		if (error)
			return error;
	}
	return ret ? -EFAULT : 0;
}

const struct fuzz_op fuzz_dma_ops[] = {
	{
		.name = "dma-map", .weight = 40, GIVES(FUZZ_AREA),
		CALL(call_dma_map),
		ARGS(ARG("dmabuf", RES(FUZZ_DMABUF)),
		     ARG("start", OF(0, 0, FUZZ_PAGE)),
		     ARG("length", OF(FUZZ_PAGE, FUZZ_PAGE, 2 * FUZZ_PAGE)),
		     ARG("prot", OF(6, 6, 6, 4, 2)),),
		ERRNOS(OTHER_FILE, EINVAL, EOPNOTSUPP, ENODEV, EACCES),
	}, {
		.name = "dma-copy", .weight = 12, GIVES(FUZZ_AREA),
		CALL(call_dma_copy),
		ARGS(ARG("area", SLOT(FUZZ_AREA)),),
		ERRNOS(EINVAL, ENOENT, ENODEV, EPERM),
	}, {
		.name = "dma-read", .weight = 14, GIVES_NOTHING,
		CALL(call_dma_read),
		ARGS(ARG("area", SLOT(FUZZ_AREA)), ARG("page", BELOW(4, 1)),),
		ERRNOS(EFAULT, EINVAL),
	}, {
		.name = "dma-write", .weight = 14, GIVES_NOTHING,
		CALL(call_dma_write),
		ARGS(ARG("area", SLOT(FUZZ_AREA)), ARG("page", BELOW(4, 1)),),
		ERRNOS(EFAULT, EINVAL),
	}, {
		.name = "dma-unmap", .weight = 20, TAKES(FUZZ_AREA),
		ARGS(), ERRNOS(EBADF),
	},
	{ 0 }
};
