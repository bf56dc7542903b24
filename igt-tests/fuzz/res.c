// SPDX-License-Identifier: MIT
/*
 * The arena and the slots
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"

char fuzz_why[256];
unsigned int fuzz_patience_ms = 30000;

static uint8_t *arena, image[FUZZ_ARENA_SIZE];
static long slots[FUZZ_NR_KINDS][FUZZ_SLOTS];
static long (*release[FUZZ_NR_KINDS])(unsigned int slot, long what);

long fuzz_wrong(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(fuzz_why, sizeof(fuzz_why), fmt, args);
	va_end(args);
	return -FUZZ_WRONG;
}

static void make_arena(void)
{
	unsigned int i;

	memset(slots, 0xff, sizeof(slots));
	arena = mmap(NULL, FUZZ_ARENA_SIZE + 2 * FUZZ_PAGE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED ||
	    mprotect(arena + FUZZ_PAGE, FUZZ_ARENA_SIZE, PROT_READ | PROT_WRITE))
		_exit(1);
	arena += FUZZ_PAGE;
	for (i = 0; i < FUZZ_ARENA_SIZE; i++)
		image[i] = (uint8_t)(i * 7 + (i >> 8) * 31 + 1);
	memcpy(arena, image, FUZZ_ARENA_SIZE);
}

uint64_t fuzz_at(uint64_t offset)
{
	if (!arena)
		make_arena();
	return (uintptr_t)arena - FUZZ_PAGE + offset % (FUZZ_ARENA_SIZE + 2 * FUZZ_PAGE);
}

uint64_t fuzz_put(uint64_t at, const void *what, size_t size)
{
	uint64_t offset = at - (uintptr_t)arena;

	if (offset < FUZZ_ARENA_SIZE && size <= FUZZ_ARENA_SIZE - offset) {
		memcpy(arena + offset, what, size);
		memcpy(image + offset, what, size);
	}
	return at;
}

long fuzz_unchanged(const uint64_t at[2], const uint64_t size[2])
{
	uint64_t base = (uintptr_t)arena, i;
	long ret = 0;

	if (!memcmp(arena, image, FUZZ_ARENA_SIZE))
		return 0;
	for (i = 0; i < FUZZ_ARENA_SIZE && !ret; i++) {
		if (arena[i] == image[i] || base + i - at[0] < size[0] ||
		    base + i - at[1] < size[1])
			continue;
		ret = fuzz_wrong("wrote byte %#llx of the arena, which is not the call's",
				 i + FUZZ_PAGE);
	}
	memcpy(image, arena, FUZZ_ARENA_SIZE);
	return ret;
}

long fuzz_checked(long ret, uint64_t at, struct fuzz_room room)
{
	const uint64_t where[2] = { at, room.at };
	uint64_t size[2] = { room.size, room.more };

	/* Nothing is written by what is refused, unless a fault is what refused it */
	if (ret < 0 && ret != -EFAULT && !room.tells)
		size[0] = size[1] = 0;
	return fuzz_unchanged(where, size) ? -FUZZ_WRONG : ret;
}

uint64_t fuzz_res(enum fuzz_kind kind, unsigned int slot)
{
	if (!arena)
		make_arena();
	if (kind >= FUZZ_NR_KINDS || slot >= FUZZ_SLOTS)
		return UINT64_MAX;
	return (uint64_t)slots[kind][slot];
}

unsigned int fuzz_filled(enum fuzz_kind kind, unsigned int slot)
{
	unsigned int i;

	for (i = 0; i < FUZZ_SLOTS; i++)
		if (fuzz_res(kind, (slot + i) % FUZZ_SLOTS) != UINT64_MAX)
			return (slot + i) % FUZZ_SLOTS;
	return slot;
}

uint64_t fuzz_pick(enum fuzz_kind kind, unsigned int slot)
{
	return fuzz_res(kind, fuzz_filled(kind, slot));
}

void fuzz_set(enum fuzz_kind kind, unsigned int slot, long what)
{
	if (!arena)
		make_arena();
	slots[kind][slot] = what;
}

static bool is_heap(int fd)
{
	struct stat heap, st;

	return !fstat((int)fuzz_res(FUZZ_HEAP, 0), &heap) && !fstat(fd, &st) &&
	       S_ISCHR(st.st_mode) && st.st_rdev == heap.st_rdev;
}

long fuzz_ioctl(uint64_t fd, unsigned long request, uint64_t at)
{
	int ret;

	/* It takes all that have number 0 for this one, and nobody would close what it gives */
	if (!_IOC_NR(request) && request != DMA_HEAP_IOCTL_ALLOC && is_heap((int)fd))
		return -ENOTTY;
	ret = ioctl((int)fd, request, at);
	return ret < 0 ? -errno : ret;
}

long fuzz_take(enum fuzz_kind kind, unsigned int slot)
{
	long what = slots[kind][slot];

	if (what < 0)
		return -EBADF;
	slots[kind][slot] = -1;
	if (release[kind])
		return release[kind](slot, what);
	return close((int)what) ? -errno : 0;
}

long fuzz_give(enum fuzz_kind kind, unsigned int slot, long ret)
{
	if (ret < 0)
		return ret;
	/* Nobody is there to wake us up */
	if (kind == FUZZ_WATCH)
		fcntl((int)ret, F_SETFL, O_NONBLOCK);
	if (slots[kind][slot] >= 0)
		fuzz_take(kind, slot);
	slots[kind][slot] = ret;
	return ret;
}

long fuzz_give_id(enum fuzz_kind kind, unsigned int slot, long ret, uint64_t at)
{
	uint32_t id;

	if (ret < 0)
		return ret;
	memcpy(&id, (void *)(uintptr_t)at, sizeof(id));
	return fuzz_give(kind, slot, id);
}

void fuzz_on_release(enum fuzz_kind kind, long (*fn)(unsigned int slot, long what))
{
	release[kind] = fn;
}

static bool disappointed;

bool fuzz_disappointed(void)
{
	return disappointed;
}

void fuzz_expect(const char *name, long ret, ...)
{
	bool found = ret >= 0;
	va_list errnos;
	int error;

	fuzz_show(name, ret);
	va_start(errnos, ret);
	while (!found && (error = va_arg(errnos, int)))
		found = error == -ret;
	va_end(errnos);
	if (!found && ret != -FUZZ_WRONG)
		printf("%s: that is not documented\n", name);
	disappointed |= !found;
}

void fuzz_show(const char *name, long ret)
{
	printf("%s = %ld%s%s%s%s\n", name, ret, ret < 0 ? " " : "",
	       ret == -FUZZ_WRONG ? "wrong" : ret < 0 ? strerrorname_np((int)-ret) : "",
	       ret == -FUZZ_WRONG ? ": " : "", ret == -FUZZ_WRONG ? fuzz_why : "");
	fflush(stdout);
}
