// SPDX-License-Identifier: MIT
/*
 * Mappings of dma-bufs; loads and stores that survive a SIGBUS
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "cpu_access.h"
#include "igt_core.h"

static __thread sigjmp_buf jump;
/* Where this thread expects a SIGBUS; NULL: nowhere */
static __thread const volatile void *volatile expected;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (expected && expected == info->si_addr)
		siglongjmp(jump, 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

void cpu_access_init(void)
{
	struct sigaction action = {
		.sa_sigaction = on_sigbus,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	igt_assert_eq(sigaction(SIGBUS, &action, NULL), 0);
}

int __cpu_load(const void *at, uint64_t *word)
{
	int ret = -EFAULT;

	expected = at;
	if (!sigsetjmp(jump, 0)) {
		*word = *(const volatile uint64_t *)at;
		ret = 0;
	}
	expected = NULL;
	return ret;
}

int __cpu_store(void *at, uint64_t word)
{
	int ret = -EFAULT;

	expected = at;
	if (!sigsetjmp(jump, 0)) {
		*(volatile uint64_t *)at = word;
		ret = 0;
	}
	expected = NULL;
	return ret;
}

void *__cpu_map(int dmabuf, void *at, uint64_t length, uint64_t offset)
{
	void *map = mmap(at, length, PROT_READ | PROT_WRITE,
			 MAP_SHARED | (at ? MAP_FIXED : 0), dmabuf,
			 (off_t)offset);

	return map == MAP_FAILED ? NULL : map;
}

void *cpu_map(int dmabuf, void *at, uint64_t length, uint64_t offset)
{
	void *map = __cpu_map(dmabuf, at, length, offset);

	igt_assert_f(map,
		     "mmap of 0x%" PRIx64 " bytes at 0x%" PRIx64 " of a dma-buf: %s\n",
		     length, offset, strerror(errno));
	return map;
}

uint64_t cpu_load(const void *at)
{
	uint64_t word = 0;

	igt_assert_f(!__cpu_load(at, &word), "SIGBUS at a load\n");
	return word;
}

void cpu_store(void *at, uint64_t word)
{
	igt_assert_f(!__cpu_store(at, word), "SIGBUS at a store\n");
}

bool cpu_reachable(void *at)
{
	uint64_t word = 0;
	int loaded = __cpu_load(at, &word), stored = __cpu_store(at, word);

	igt_assert_eq(loaded, stored);
	return !loaded;
}

void cpu_both_ways(void *here, void *there)
{
	static uint64_t word = 0x5eed000000000001ull;

	cpu_store(here, word += 0x1001);
	igt_assert_eq_u64(cpu_load(there), word);
	cpu_store(there, word += 0x1001);
	igt_assert_eq_u64(cpu_load(here), word);
}
