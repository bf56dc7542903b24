// SPDX-License-Identifier: MIT
/*
 * mmap and its relatives; loads and stores, the kernel's own, those of a child
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bytes.h"
#include "file.h"
#include "map.h"
#include "ops.h"

/**
 * struct map - a mapping
 * @at: address
 * @length: bytes
 * @page: of the dma-buf, where it begins
 * @inode: of the dma-buf; 0 for other files
 * @prot: what may be done there
 * @odd: not all of it is what it was
 */
struct map {
	uint8_t *at;
	uint64_t length, page, inode;
	int prot;
	bool odd;
};

static struct map maps[FUZZ_SLOTS];
static int scratch = -1;

static long release(unsigned int slot, long what)
{
	struct map *map = &maps[slot];
	long ret = munmap(map->at, map->length) ? -errno : 0;

	(void)what;
	memset(map, 0, sizeof(*map));
	return ret;
}

long fuzz_map_begin(void)
{
	fuzz_on_release(FUZZ_MAP, release);
	scratch = memfd_create("fuzz", MFD_CLOEXEC);
	return scratch < 0 || ftruncate(scratch, FUZZ_PAGE) ? -errno : 0;
}

long fuzz_map_new(unsigned int slot, void *at, uint64_t length, uint64_t page,
		  int prot, uint64_t inode)
{
	fuzz_take(FUZZ_MAP, slot);
	maps[slot] = (struct map) {
		.at = at,
		.length = (length + FUZZ_PAGE - 1) & ~(FUZZ_PAGE - 1),
		.page = page,
		.inode = inode,
		.prot = prot,
	};
	return 0;
}

uint64_t fuzz_map_inode(uint64_t at, uint64_t *page)
{
	unsigned int slot;

	for (slot = 0; slot < FUZZ_SLOTS; slot++) {
		uint64_t offset = at - (uintptr_t)maps[slot].at;

		*page = maps[slot].page + offset / FUZZ_PAGE;
		if (offset < maps[slot].length)
			return maps[slot].odd ? 0 : maps[slot].inode;
	}
	return 0;
}

bool fuzz_map_has_dmabuf(uint64_t at, uint64_t length)
{
	unsigned int slot;

	for (slot = 0; slot < FUZZ_SLOTS; slot++) {
		const struct map *map = &maps[slot];
		uint64_t start = (uintptr_t)map->at;

		if (map->odd || !fuzz_bytes_by_inode(map->inode))
			continue;
		/* One of them begins in the other */
		if (at - start < map->length || start - at < length)
			return true;
	}
	return false;
}

/* Those of a BAR are looked at all at once: fuzz_vfio_check() */
long fuzz_map_check(int fd)
{
	const struct fuzz_bytes *bytes = fuzz_bytes_find(fd);
	uint64_t page, nr, word;
	uint8_t *at;
	long ret = 0;

	if (fuzz_reach(bytes) != FUZZ_MUST)
		return 0;
	nr = bytes->pages < FUZZ_KNOWN_PAGES ? bytes->pages : FUZZ_KNOWN_PAGES;
	if (!fuzz_is_own_word(fuzz_word(bytes, 0)) || !fuzz_file_is_dmabuf(fd) ||
	    !fuzz_file_allows(fd, false))
		return 0;
	at = mmap(NULL, nr * FUZZ_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return fuzz_wrong("mmap of a live dma-buf: %s", strerror(errno));
	for (page = 0; page < nr && !ret; page++) {
		word = 0;
		ret = fuzz_load(at + page * FUZZ_PAGE, &word);
		ret = fuzz_judge("a load in the end", bytes->inode, page, !ret, &word);
	}
	munmap(at, nr * FUZZ_PAGE);
	return ret;
}

uint64_t fuzz_va(unsigned int slot, uint64_t offset)
{
	slot = fuzz_filled(FUZZ_MAP, slot);
	if (slot >= FUZZ_SLOTS || !maps[slot].length)
		return 0;
	return (uintptr_t)maps[slot].at + offset % maps[slot].length;
}

static struct map *find(uint64_t slot)
{
	return slot < FUZZ_SLOTS && maps[slot].length ? &maps[slot] : NULL;
}

/* Where a page of it is, and how many bytes so many pages from there on have, up to its end */
static uint64_t part_of(const struct map *map, uint64_t page, uint64_t pages, uint64_t *offset)
{
	*offset = page * FUZZ_PAGE % map->length;
	if (pages * FUZZ_PAGE > map->length - *offset)
		return map->length - *offset;
	return pages * FUZZ_PAGE;
}

/* What belongs there; 0 if nobody knows */
static uint64_t word_of(const struct map *map, uint64_t offset)
{
	return fuzz_word(fuzz_bytes_by_inode(map->inode), map->page + offset / FUZZ_PAGE);
}

/* Not over anything else, nor what is no mapping of the file */
#define FLAGS(flags) \
	((int)(flags) & ~(MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS))

/* File, protection, flags, length, offset, slot */
long call_map(const uint64_t *arg)
{
	void *at = mmap(NULL, arg[3], (int)arg[1], FLAGS(arg[2]), (int)arg[0],
			(off_t)arg[4]);

	if (at == MAP_FAILED)
		return -errno;
	if (fuzz_bytes_find((int)arg[0]) && !fuzz_file_allows((int)arg[0], arg[1] & PROT_WRITE)) {
		munmap(at, arg[3]);
		return fuzz_wrong("mmap gave rights that the descriptor does not have");
	}
	return fuzz_map_new((unsigned int)arg[5], at, arg[3],
			    arg[4] / FUZZ_PAGE, (int)arg[1],
			    fuzz_bytes_inode((int)arg[0]));
}

/* Pages, protection, whether it is shared, slot: ordinary memory, which anybody may pin */
long call_map_anonymous(const uint64_t *arg)
{
	uint64_t length = arg[0] % (FUZZ_KNOWN_PAGES + 1) * FUZZ_PAGE;
	void *at = mmap(NULL, length, (int)arg[1] & 7,
			MAP_ANONYMOUS | (arg[2] & 1 ? MAP_SHARED : MAP_PRIVATE), -1, 0);

	if (at == MAP_FAILED)
		return -errno;
	return fuzz_map_new((unsigned int)arg[3], at, length, 0, (int)arg[1] & 7, 0);
}

/* So that nothing else gets there */
static void fill_hole(uint8_t *at, uint64_t length)
{
	mmap(at, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* File, mapping, page of it, pages: over what is there */
long call_map_at(const uint64_t *arg)
{
	struct map *map = find(arg[1]);
	uint64_t offset, length;
	long ret;

	if (!map)
		return -EBADF;
	length = part_of(map, arg[2], arg[3], &offset);
	map->odd = true;
	if (mmap(map->at + offset, length, map->prot, MAP_SHARED | MAP_FIXED,
		 (int)arg[0], 0) != MAP_FAILED)
		return 0;
	ret = -errno;
	/* What was there is gone */
	fill_hole(map->at + offset, length);
	return ret;
}

static long judge(const char *what, const struct map *map, uint64_t offset,
		  long ret, const uint64_t *word, int prot)
{
	if (map->odd || !map->inode)
		return 0;
	if (ret == -EACCES && map->prot & prot)
		return fuzz_wrong("%s: SIGSEGV", what);
	if (ret == -EACCES)
		return 0;
	return fuzz_judge(what, map->inode, map->page + offset / FUZZ_PAGE, !ret,
			  word);
}

/* Mapping, page */
long call_load(const uint64_t *arg)
{
	struct map *map = find(arg[0]);
	uint64_t offset, word = 0;
	long ret;

	if (!map)
		return -EBADF;
	offset = arg[1] * FUZZ_PAGE % map->length;
	ret = fuzz_load(map->at + offset, &word);
	return judge("load", map, offset, ret, &word, PROT_READ) ?: ret;
}

/* Mapping, page. Not to registers of a device, nor to memory of somebody else. */
long call_store(const uint64_t *arg)
{
	struct map *map = find(arg[0]);
	uint64_t offset, word;
	long ret;

	if (!map)
		return -EBADF;
	offset = arg[1] * FUZZ_PAGE % map->length;
	word = word_of(map, offset);
	if (!word || map->odd)
		return -EINVAL;
	ret = fuzz_store(map->at + offset, word);
	return judge("store", map, offset, ret, NULL, PROT_WRITE) ?: ret;
}

static long move(struct map *map, uint64_t length, int flags)
{
	uint8_t *at = mremap(map->at, map->length, length, MREMAP_MAYMOVE | flags);

	if (at == MAP_FAILED)
		return -errno;
	if (flags & MREMAP_DONTUNMAP)
		munmap(map->at, map->length);
	map->at = at;
	map->length = length;
	return 0;
}

static bool may_be_memfd(const struct map *map)
{
	return map->odd || (map->inode && !fuzz_bytes_by_inode(map->inode));
}

/* Mapping, what, page, pages, number */
long call_change(const uint64_t *arg)
{
	struct map *map = find(arg[0]);
	uint64_t offset, length;
	unsigned char core[64];
	uint8_t *at;
	int ret;

	if (!map)
		return -EBADF;
	length = part_of(map, arg[2], arg[3], &offset);
	at = map->at + offset;
	switch (arg[1] % 8) {
	case 0:
		map->odd = true;
		ret = munmap(at, length);
		fill_hole(at, length);
		break;
	case 1:
		map->odd = true;
		ret = mprotect(at, length, (int)arg[4] & 7);
		break;
	case 2:
		/* A hole in a memfd: nobody knows what a udmabuf would have there */
		if (arg[4] % 26 == MADV_REMOVE && may_be_memfd(map))
			return -EINVAL;
		map->odd = true;
		ret = madvise(at, length, (int)(arg[4] % 26));
		break;
	case 3:
		/* Smaller, larger, or of the same size and elsewhere */
		if (map->odd)
			return -EINVAL;
		return move(map, FUZZ_PAGE * (1 + arg[4] % 8),
			    length == map->length && arg[4] % 8 * FUZZ_PAGE + FUZZ_PAGE == length ?
				    MREMAP_DONTUNMAP : 0);
	case 4:
		ret = msync(at, length, (int)arg[4] & 7);
		break;
	case 5:
		ret = length > sizeof(core) * FUZZ_PAGE ? 0 : mincore(at, length, core);
		break;
	case 6:
		ret = mlock(at, length);
		break;
	default:
		ret = munlock(at, length);
		break;
	}
	return ret ? -errno : 0;
}

/* Mapping, page, how: by write(), into it by read(), by another process's reads */
long call_kernel_access(const uint64_t *arg)
{
	struct map *map = find(arg[0]);
	uint64_t offset, word = 0;
	struct iovec local = { &word, sizeof(word) }, remote;
	ssize_t ret;

	if (!map)
		return -EBADF;
	offset = arg[1] * FUZZ_PAGE % map->length;
	remote = (struct iovec) { map->at + offset, sizeof(word) };
	switch (arg[2] % 3) {
	case 0:
		ret = pwrite(scratch, map->at + offset, sizeof(word), 0);
		if (ret > 0 && pread(scratch, &word, sizeof(word), 0) != 8)
			return -EIO;
		break;
	case 1:
		word = word_of(map, offset);
		if (!word || map->odd)
			return -EINVAL;
		if (pwrite(scratch, &word, sizeof(word), 0) != sizeof(word))
			return -EIO;
		ret = pread(scratch, map->at + offset, sizeof(word), 0);
		break;
	default:
		/* It pins pages, and gets none of these */
		ret = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
		if (ret < 0)
			return -errno;
		if (fuzz_map_has_dmabuf((uintptr_t)map->at + offset, sizeof(word)))
			return fuzz_wrong("a mapping of a dma-buf was pinned");
		break;
	}
	if (ret < 0 && errno != EFAULT)
		return -errno;
	if (ret < 0)
		return map->prot & (arg[2] % 3 ? PROT_WRITE : PROT_READ) ?
			judge("the kernel's access", map, offset, -EFAULT, NULL, 0) ?: -EFAULT :
			-EFAULT;
	return judge("the kernel's access", map, offset, 0, &word, 0) ?: ret;
}

/* Mapping, page, whether the child unmaps it */
long call_fork(const uint64_t *arg)
{
	struct map *map = find(arg[0]);
	uint64_t offset, word = 0;
	long ret;
	int status;
	pid_t pid;

	if (!map)
		return -EBADF;
	offset = arg[1] * FUZZ_PAGE % map->length;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		ret = fuzz_load(map->at + offset, &word);
		ret = judge("load by a child", map, offset, ret, &word, PROT_READ);
		if (arg[2] & 1)
			munmap(map->at, map->length);
		_exit(ret ? 1 : 0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return fuzz_wrong("a child's load ended with status 0x%x", status);
	return 0;
}

const struct fuzz_op fuzz_map_ops[] = {
	{
		.name = "map", .weight = 120, GIVES(FUZZ_MAP), CALL(call_map),
		ARGS(ARG("file", RES(FUZZ_DMABUF)),
		     ARG("prot", OF(3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 1, 2, 0, 7)),
		     ARG("flags", OF(MAP_SHARED, MAP_SHARED, MAP_SHARED, MAP_SHARED,
				     MAP_SHARED, MAP_SHARED, MAP_SHARED,
				     MAP_PRIVATE, MAP_SHARED_VALIDATE,
				     MAP_SHARED | MAP_POPULATE,
				     MAP_SHARED | MAP_LOCKED)),
		     ARG("length", OF(FUZZ_PAGE, FUZZ_PAGE, FUZZ_PAGE, FUZZ_PAGE, 2 * FUZZ_PAGE,
				      8 * FUZZ_PAGE)),
		     ARG("offset", OF(0, 0, 0, 0, 0, 0, 0, FUZZ_PAGE, 3 * FUZZ_PAGE)),),
		ERRNOS(OTHER_FILE, EINVAL, EACCES, EOVERFLOW, EOPNOTSUPP, ENODEV, EPERM, EAGAIN,
		       ENXIO, EBUSY),
	}, {
		.name = "map-anonymous", .weight = 40, GIVES(FUZZ_MAP), CALL(call_map_anonymous),
		ARGS(ARG("pages", OF(1, 2, 8)), ARG("prot", OF(3, 3, 3, 1)),
		     ARG("shared", BITS(1)),),
		ERRNOS(0),
	}, {
		.name = "map-at", .weight = 10, GIVES_NOTHING, CALL(call_map_at),
		ARGS(ARG("file", RES(FUZZ_DMABUF)), ARG("map", SLOT(FUZZ_MAP)),
		     ARG("page", BELOW(8, 1)), ARG("pages", OF(1, 2, 8)),),
		ERRNOS(EBADF, EINVAL, EACCES, EOPNOTSUPP, ENODEV, EPERM, ENXIO, EBUSY),
	}, {
		.name = "load", .weight = 200, GIVES_NOTHING, CALL(call_load),
		ARGS(ARG("map", SLOT(FUZZ_MAP)), ARG("page", BELOW(16, 1)),),
		ERRNOS(EBADF, EFAULT, EACCES),
	}, {
		.name = "store", .weight = 120, GIVES_NOTHING, CALL(call_store),
		ARGS(ARG("map", SLOT(FUZZ_MAP)), ARG("page", BELOW(16, 1)),),
		ERRNOS(EBADF, EINVAL, EFAULT, EACCES),
	}, {
		.name = "change", .weight = 50, GIVES_NOTHING, CALL(call_change),
		ARGS(ARG("map", SLOT(FUZZ_MAP)), ARG("what", BELOW(8, 1)),
		     ARG("page", BELOW(8, 1)), ARG("pages", OF(1, 2, 8)),
		     ARG("number", BELOW(32, 1)),),
		ERRNOS(EBADF, EINVAL, EFAULT, ENOMEM, EACCES, EAGAIN, EBUSY, EPERM, EIO,
		       ENODEV),
	}, {
		.name = "kernel-access", .weight = 30, GIVES_NOTHING,
		CALL(call_kernel_access),
		ARGS(ARG("map", SLOT(FUZZ_MAP)), ARG("page", BELOW(16, 1)),
		     ARG("how", BELOW(3, 1)),),
		ERRNOS(EBADF, EINVAL, EFAULT),
	}, {
		.name = "fork", .weight = 3, GIVES_NOTHING, CALL(call_fork),
		ARGS(ARG("map", SLOT(FUZZ_MAP)), ARG("page", BELOW(16, 1)),
		     ARG("unmap", BITS(1)),),
		ERRNOS(EBADF, EAGAIN, ENOMEM),
	}, {
		.name = "unmap", .weight = 60, TAKES(FUZZ_MAP),
		ARGS(), ERRNOS(EBADF),
	},
	{ 0 }
};
