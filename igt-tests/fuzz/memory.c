// SPDX-License-Identifier: MIT
/*
 * dma-bufs of ordinary memory
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "ops.h"

#define MAX_PAGES 64u

long fuzz_memory_begin(void)
{
	int udmabuf = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	if (udmabuf < 0 || heap < 0)
		return -errno;
	fuzz_set(FUZZ_UDMABUF, 0, udmabuf);
	fuzz_set(FUZZ_HEAP, 0, heap);
	return 0;
}

/* Pages, whether it is sealed */
long call_memfd(const uint64_t *arg)
{
	uint64_t pages = arg[0] % (MAX_PAGES + 1), page, word, inode;
	int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	inode = fuzz_bytes_inode(fd);
	if (ftruncate(fd, (off_t)(pages * FUZZ_PAGE)))
		return -errno;
	for (page = 0; page < pages; page++) {
		word = fuzz_own_word(inode, page);
		if (pwrite(fd, &word, 8, (off_t)(page * FUZZ_PAGE)) != 8)
			return -EIO;
	}
	if (arg[1] & 1)
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
	return fd;
}

static enum fuzz_reach always(uint64_t unused)
{
	(void)unused;
	return FUZZ_MUST;
}

static void describe(int fd, struct fuzz_bytes **bytes, uint64_t memfd,
		     uint64_t offset, uint64_t size)
{
	uint64_t inode = fuzz_bytes_inode((int)memfd), page;

	if (!*bytes)
		*bytes = fuzz_bytes_new(fd);
	for (page = offset / FUZZ_PAGE; *bytes && size; page++, size -= FUZZ_PAGE)
		if ((*bytes)->pages < FUZZ_KNOWN_PAGES)
			(*bytes)->word[(*bytes)->pages++] = fuzz_own_word(inode, page);
	if (*bytes)
		(*bytes)->reach = always;
}

/* memfd, offset, size, flags */
long call_udmabuf(const uint64_t *arg)
{
	struct udmabuf_create create = {
		.memfd = (uint32_t)arg[0],
		.offset = arg[1],
		.size = arg[2],
		.flags = (uint32_t)arg[3],
	};
	struct fuzz_bytes *bytes = NULL;
	long fd = fuzz_ioctl(fuzz_res(FUZZ_UDMABUF, 0), UDMABUF_CREATE,
			     (uintptr_t)&create);

	if (fd >= 0)
		describe((int)fd, &bytes, arg[0], arg[1], arg[2]);
	return fd;
}

/* Two memfds, how many are said to be there, flags */
long call_udmabuf_list(const uint64_t *arg)
{
	struct {
		struct udmabuf_create_list head;
		struct udmabuf_create_item item[2];
	} list = {
		.head = { .flags = (uint32_t)arg[3], .count = (uint32_t)arg[2] },
		.item = {
			{ .memfd = (uint32_t)arg[0], .size = FUZZ_PAGE },
			{ .memfd = (uint32_t)arg[1], .size = FUZZ_PAGE },
		},
	};
	struct fuzz_bytes *bytes = NULL;
	uint64_t at = fuzz_at(FUZZ_PAGE + FUZZ_ARENA_SIZE - sizeof(list));
	long fd;
	unsigned int i;

	/* There is nothing behind it */
	fuzz_put(at, &list, sizeof(list));
	fd = fuzz_ioctl(fuzz_res(FUZZ_UDMABUF, 0), UDMABUF_CREATE_LIST, at);
	for (i = 0; fd >= 0 && i < 2 && i < list.head.count; i++)
		describe((int)fd, &bytes, arg[i], 0, FUZZ_PAGE);
	return fd;
}

/* Size, flags: no more than there is room for */
long call_heap(const uint64_t *arg)
{
	struct dma_heap_allocation_data data = {
		.len = arg[0] % (MAX_PAGES * FUZZ_PAGE),
		.fd_flags = (uint32_t)arg[1],
	};
	long ret = fuzz_ioctl(fuzz_res(FUZZ_HEAP, 0), DMA_HEAP_IOCTL_ALLOC,
			      (uintptr_t)&data);

	return ret ?: (long)data.fd;
}

const struct fuzz_op fuzz_memory_ops[] = {
	{
		.name = "memfd", .weight = 20, GIVES(FUZZ_FILE), CALL(call_memfd),
		ARGS(ARG("pages", OF(1, 2, 8, 64)), ARG("seal", OF(1, 1, 1, 0)),),
		ERRNOS(EMFILE, ENOMEM),
	}, {
		.name = "udmabuf", .weight = 40, GIVES(FUZZ_DMABUF),
		CALL(call_udmabuf),
		ARGS(ARG("memfd", RES(FUZZ_FILE)),
		     ARG("offset", OF(0, 0, FUZZ_PAGE)),
		     ARG("size", OF(FUZZ_PAGE, 2 * FUZZ_PAGE, 8 * FUZZ_PAGE)),
		     ARG("flags", OF(UDMABUF_FLAGS_CLOEXEC, 0)),),
		ERRNOS(OTHER_FILE, EINVAL, EMFILE, EBADFD),
	}, {
		.name = "udmabuf-list", .weight = 16, GIVES(FUZZ_DMABUF),
		CALL(call_udmabuf_list),
		ARGS(ARG("memfd", RES(FUZZ_FILE)), ARG("memfd", RES(FUZZ_FILE)),
		     ARG("count", OF(2, 2, 1, 0, 3)),
		     ARG("flags", OF(UDMABUF_FLAGS_CLOEXEC, 0)),),
		/* A count that is too large looks behind them */
		ERRNOS(OTHER_FILE, EINVAL, EMFILE, EBADFD, EFAULT),
	}, {
		.name = "heap", .weight = 12, GIVES(FUZZ_DMABUF), CALL(call_heap),
		ARGS(ARG("size", OF(FUZZ_PAGE, 8 * FUZZ_PAGE, 0)),
		     ARG("flags", OF(O_RDWR | O_CLOEXEC, O_RDWR, O_RDONLY)),),
		ERRNOS(EINVAL, ENOMEM, EMFILE),
	},
	{ 0 }
};
